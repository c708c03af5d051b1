import type { Hold } from './hold.ts';
import type { Keys } from './keys.ts';

type Mode = Hold['mode'];

const NO_SLOTS: readonly number[] = [];

interface Name {
  readonly mode: Mode;
  /** Holds of this session, and the one that is being asked for. */
  count: number;
  readonly slots: Set<number>;
  /** Whether the server has anything of it. */
  onServer: boolean;
  asking: Promise<unknown> | undefined;
}

/** What a session has of a name when it asks for more. */
export interface Present {
  readonly onServer: boolean;
  readonly slots: readonly number[];
}

/**
 * Which names a session holds. Session advisory locks are re-entrant: the server would grant a session what it has already, ahead of all
 * who wait. So it is never asked for a name that the session holds in another mode, and about one name one question at a time.
 */
export class Presence {
  readonly #names = new Map<string, Name>();

  /** `left`: called if nothing was granted, and meanwhile the last hold was given up, too. */
  async enter(
    { lock }: Keys,
    mode: Mode,
    ask: (present: Present) => Promise<Hold | null>,
    left: () => void,
  ): Promise<Hold | null> {
    let name = this.#names.get(lock);
    while (name?.asking !== undefined) {
      // Who asks is told of a failure.
      await name.asking.catch(() => undefined);
      name = this.#names.get(lock);
    }
    if (name !== undefined && name.mode !== mode) return null;
    if (name !== undefined && mode === 'exclusive') return null;
    if (name === undefined) {
      name = { mode, count: 0, slots: new Set(), onServer: false, asking: undefined };
      this.#names.set(lock, name);
    }
    // Counted before it is granted: who gives up the last hold while we ask must not take ours along.
    name.count += 1;
    const work = ask({ onServer: name.onServer, slots: name.slots.size === 0 ? NO_SLOTS : [...name.slots] });
    name.asking = work;
    let hold: Hold | null = null;
    try {
      hold = await work;
      return hold;
    } finally {
      name.asking = undefined;
      if (hold !== null) {
        name.onServer = true;
        if (hold.slot !== undefined) name.slots.add(hold.slot);
      } else if (this.leave({ lock }) && name.onServer) left();
    }
  }

  /** What was granted without having been asked here. */
  adopt({ lock }: Keys, mode: Mode): void {
    this.#names.set(lock, { mode, count: 1, slots: new Set(), onServer: true, asking: undefined });
  }

  /** Whether nothing is left of it. */
  leave({ lock }: { readonly lock: string }, slot?: number): boolean {
    const name = this.#names.get(lock);
    if (name === undefined) return false;
    name.count -= 1;
    if (slot !== undefined) name.slots.delete(slot);
    if (name.count > 0) return false;
    this.#names.delete(lock);
    return true;
  }
}
