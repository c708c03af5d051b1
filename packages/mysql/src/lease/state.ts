import type { QueueEntry, QueueState } from '@holdfast/core/adapter';

/** As JSON has no 64-bit integers. */
interface StoredEntry extends Omit<QueueEntry, 'token' | 'expiresAt'> {
  readonly token?: string | undefined;
  readonly expiresAt?: undefined;
}

interface Stored {
  readonly token: string;
  readonly time: number;
  readonly entries: readonly StoredEntry[];
  /** When each hold ends, by owner: apart, so that a renewal is one statement. In ms of the server's clock. */
  readonly expires: Readonly<Record<string, number>>;
}

/** Where the state keeps the end of an owner's hold, as a JSON path. */
export function expiryPath(owner: string): string {
  return `$.expires."${owner}"`;
}

export function encode({ token, time, entries }: QueueState): string {
  const held = entries.filter(({ expiresAt }) => expiresAt < Infinity);
  const stored: Stored = {
    token: String(token),
    time,
    entries: entries.map((entry) => ({
      ...entry,
      token: entry.token === undefined ? undefined : String(entry.token),
      // It is in `expires`.
      expiresAt: undefined,
    })),
    expires: Object.fromEntries(held.map(({ owner, expiresAt }) => [owner, expiresAt])),
  };
  return JSON.stringify(stored);
}

export function decode(text: string): QueueState {
  const { token, time, entries, expires } = JSON.parse(text) as Stored;
  return {
    token: BigInt(token),
    time,
    entries: entries.map((entry) => ({
      ...entry,
      token: entry.token === undefined ? undefined : BigInt(entry.token),
      expiresAt: expires[entry.owner] ?? Infinity,
    })),
  };
}
