import { behind } from './hand-over.ts';
import type { Entry } from './queue.ts';

interface Line {
  entries: readonly Entry[];
  requests: number;
}

/**
 * The queues in which requests of this process stand, each as one of them saw it last. Places are indexes of creation: nobody comes between two
 * neighbours. So who is behind a request is told by whatever list has both, by those who entered later than it.
 */
export class Lines {
  readonly #lines = new Map<string, Line>();

  join(queue: string): void {
    const line = this.#lines.get(queue);
    if (line === undefined) this.#lines.set(queue, { entries: [], requests: 1 });
    else line.requests += 1;
  }

  leave(queue: string): void {
    const line = this.#lines.get(queue);
    if (line === undefined) return;
    line.requests -= 1;
    if (line.requests === 0) this.#lines.delete(queue);
  }

  /**
   * The whole queue was listed. Returns it made of what was there before, where that is the same: a thousand that wait would else keep a
   * thousand copies of each other.
   */
  saw(queue: string, entries: readonly Entry[]): readonly Entry[] {
    const line = this.#lines.get(queue);
    if (line === undefined) return entries;
    const before = new Map(line.entries.map((entry) => [entry.key, entry]));
    line.entries = entries.map((entry) => {
      const known = before.get(entry.key);
      return known?.modified === entry.modified ? known : entry;
    });
    return line.entries;
  }

  /** Those behind a lone holder, as they were; some may have left since. Nobody if none, or a thief, was seen. */
  behind(queue: string, key: string): readonly Entry[] {
    const entries = this.#lines.get(queue)?.entries ?? [];
    const index = entries.findIndex((entry) => entry.key === key);
    const own = entries[index];
    if (own === undefined || entries[0]?.thief) return [];
    return behind(entries.slice(index), own);
  }
}
