import { monotonicMs } from '@holdfast/core/adapter';
import { keyOf } from './hold.ts';
import type { Entry } from './hold.ts';
import type { LockSession } from './session.ts';

/** Locks that are held for less are not written down: acquire and release stay two statements. In ms. */
const YOUNG_MS = 20;

/**
 * Writes down who holds and who waits, for `query`: `pg_locks` has only hashes of names. Nothing else depends on it, and it is written
 * when nobody waits for it.
 */
export class Registry {
  readonly #young = new Set<Entry>();
  readonly #writing = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;

  /** To be called again whenever the state of the entry is another. */
  track(entry: Entry): void {
    this.#young.add(entry);
    this.#timer ??= setTimeout(() => this.#write(), YOUNG_MS).unref();
  }

  /** From now on it is not written. Its owner, if it was: the row must go before, or with, what it stands for. */
  untrack(entry: Entry): string | undefined {
    entry.state = { type: 'gone' };
    this.#young.delete(entry);
    return entry.written === undefined ? undefined : entry.owner;
  }

  /** Now, and resolves when all is written: who asks is not told less than it did itself. Never rejects. */
  async flush(): Promise<void> {
    this.#write(Infinity);
    await Promise.all(this.#writing);
  }

  #write(oldest = monotonicMs() - YOUNG_MS / 2): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const bySession = new Map<LockSession, Entry[]>();
    for (const entry of this.#young) {
      const session = sessionOf(entry);
      if (session === undefined || session.isOver) this.#young.delete(entry);
      else if (entry.since <= oldest) {
        this.#young.delete(entry);
        bySession.set(session, [...(bySession.get(session) ?? []), entry]);
      }
    }
    if (this.#young.size > 0) this.#timer = setTimeout(() => this.#write(), YOUNG_MS).unref();
    for (const [session, entries] of bySession) {
      if (entries.some(({ state }) => state.type === 'held')) session.beStealable();
      const before = entries.map(({ written }) => written);
      const rows = JSON.stringify(entries.map(rowOf));
      const written = this.#list(session, before, rows).finally(() => this.#writing.delete(written));
      this.#writing.add(written);
      for (const entry of entries) entry.written = written;
    }
  }

  /** What another connection writes of the same entries comes first. Never rejects: what can't be written is not shown. */
  async #list(session: LockSession, before: readonly unknown[], rows: string): Promise<void> {
    await Promise.all(before);
    await session.ledger.list(rows);
  }
}

function sessionOf({ state }: Entry): LockSession | undefined {
  if (state.type === 'gone') return undefined;
  return state.type === 'held' ? state.hold.session : state.session;
}

function rowOf({ owner, name, mode, permits, client, since, state }: Entry): unknown {
  const common = { owner, name, mode, permits, client_id: client.id, host: client.host, pid: client.pid };
  const age_ms = Math.round(monotonicMs() - since);
  if (state.type === 'held') {
    const { hold } = state;
    // As text: JSON's numbers end before those of `int8`.
    const keys = [keyOf(hold), hold.keys.permits];
    return { ...common, age_ms, session: hold.session.connection.id, asker: null, keys, token: String(hold.token) };
  }
  if (state.type === 'gone') return { ...common, age_ms };
  const { session, asker, keys } = state;
  const all = [keys.lock, keys.permits, keys.gate];
  return { ...common, age_ms, session: session?.connection.id, asker: asker ?? null, keys: all, token: null };
}
