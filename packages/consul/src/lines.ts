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

  saw(queue: string, entries: readonly Entry[]): void {
    const line = this.#lines.get(queue);
    if (line !== undefined) line.entries = entries;
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
