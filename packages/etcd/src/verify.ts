import type { Connection } from './connection.ts';
import { txn } from './direct-client.ts';
import type { Ticket } from './ticket.ts';
import { rangeOf } from './txn.ts';
import type { Operation } from './txn.ts';

/** A transaction has at most 128 operations. */
const KEYS_PER_READ = 100;

export interface Verified {
  /** What was found was so at this revision or later. */
  readonly revision: bigint;
  readonly missing: 'session' | readonly Ticket[];
}

/** Asks the server which of a session's holds it still has. */
export async function verify(connection: Connection, session: string, tickets: readonly Ticket[]): Promise<Verified> {
  const missing: Ticket[] = [];
  let revision: bigint | undefined;
  for (let at = 0; at === 0 || at < tickets.length; at += KEYS_PER_READ) {
    const batch = tickets.slice(at, at + KEYS_PER_READ);
    const success = [session, ...batch.map(({ key }) => key)].map(exists);
    const { header, responses } = await connection.ask((client, options) => txn(client, { success }, options));
    revision ??= BigInt(header.revision);
    const [alive, ...present] = responses.map((response) => rangeOf(response).count !== '0');
    if (!alive) return { revision, missing: 'session' };
    missing.push(...batch.filter((_, i) => !present[i]));
  }
  return { revision: revision ?? 0n, missing };
}

function exists(key: string): Operation {
  return { request_range: { key: Buffer.from(key), count_only: true } };
}
