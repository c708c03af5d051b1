import type { Consul } from './consul.ts';
import type { Ticket } from './ticket.ts';

/** Consul before 1.14 takes no more operations in one transaction. */
const KEYS_PER_READ = 64;

/** Asks the server which of a session's tickets it no longer has. */
export async function verify(consul: Consul, session: string, tickets: readonly Ticket[]): Promise<Ticket[]> {
  const missing: Ticket[] = [];
  for (let at = 0; at < tickets.length; at += KEYS_PER_READ) {
    const batch = tickets.slice(at, at + KEYS_PER_READ);
    const outcome = await consul.transact(
      batch.map(({ key }) => ({ Verb: 'check-session', Key: key, Session: session })),
    );
    if (outcome.applied) continue;
    missing.push(...batch.filter((_, i) => outcome.failed.includes(i)));
  }
  return missing;
}
