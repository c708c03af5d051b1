import type { ClientInfo, RequestMode } from '@holdfast/core/adapter';

/** What a process asks of a partition. `owner` is an {@link ownerKey}. */
export type Operation =
  | {
      readonly type: 'request';
      readonly name: string;
      readonly owner: string;
      readonly mode: RequestMode;
      readonly permits?: number | undefined;
      readonly ttlMs: number;
      readonly client: ClientInfo;
      readonly wait: boolean;
      readonly steal: boolean;
    }
  | { readonly type: 'renew' | 'leave'; readonly name: string; readonly owner: string }
  | { readonly type: 'tick'; readonly name: string }
  /** The socket of `session` refused a connection: its process is gone, and with it all that it held or waited for. */
  | { readonly type: 'dead'; readonly session: string }
  /** Nothing after the first seal of a file counts: the next generation goes on from here. */
  | { readonly type: 'seal' };

/** A line of a log. */
export type LogRecord = Operation & {
  /** `<session>.<number>`: by it the writer knows its own records again. */
  readonly id: string;
  /** The host's monotonic clock, taken before the write, in ms. */
  readonly time: number;
  /** Wall clock in µs: a floor for tokens, nothing else. */
  readonly wallMicros: number;
};

/**
 * One write begins by closing whatever line a killed writer left open. The tilde spoils that line, so that it never counts,
 * not even if all but its line feed was written.
 */
const OPENING = '~\n';

const types: ReadonlySet<unknown> = new Set(['request', 'renew', 'leave', 'tick', 'dead', 'seal']);

export function encode(records: readonly LogRecord[]): Buffer {
  return Buffer.from(OPENING + records.map((record) => `${JSON.stringify(record)}\n`).join(''));
}

/** `undefined` for a line that no writer completed: everybody ignores it, because everybody reads the same bytes. */
export function decode(line: string): LogRecord | undefined {
  const value = parseLine(line);
  if (typeof value !== 'object' || value === null || !('type' in value) || !types.has(value.type)) return undefined;
  return value as LogRecord;
}

/** The JSON value of a complete line; `undefined` for anything else. */
export function parseLine(line: string): unknown {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The owner as queues know it: it begins with the session, so that an entry tells whose process to watch. */
export function ownerKey(session: string, owner: string): string {
  return `${session}/${owner}`;
}

export function sessionOf(key: string): string {
  return key.slice(0, key.indexOf('/'));
}
