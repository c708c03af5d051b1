import { setTimeout as delay } from 'node:timers/promises';
import type { Queues } from './queues.ts';

const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 2000;
/** What could not be told by then has ended by itself, unless its ttl is longer. */
const GIVE_UP_MS = 60_000;
/** How long `close` waits. */
const CLOSE_MS = 2000;

/** Those who leave a queue, until the server knows: an entry that stays would keep others waiting. */
export class Departures {
  readonly #queues: Queues;
  readonly #underWay = new Set<Promise<unknown>>();
  #isClosed = false;

  constructor(queues: Queues) {
    this.#queues = queues;
  }

  /** Whether it was there and held. Rejects at the first failure; the attempts go on. */
  async leave(name: string, owner: string): Promise<boolean> {
    const attempt = async (): Promise<boolean> => {
      const { before } = await this.#queues.change(name, { type: 'leave', owner }, owner);
      return before?.token !== undefined;
    };
    const first = attempt();
    const all = first.then(
      () => undefined,
      () => this.#again(attempt),
    );
    this.#underWay.add(all);
    all.finally(() => this.#underWay.delete(all)).catch(() => undefined);
    return await first;
  }

  async close(): Promise<void> {
    await Promise.race([Promise.allSettled(this.#underWay), delay(CLOSE_MS, undefined, { ref: false })]);
    this.#isClosed = true;
  }

  async #again(attempt: () => Promise<unknown>): Promise<void> {
    let pause = FIRST_PAUSE_MS;
    for (let waited = 0; waited < GIVE_UP_MS && !this.#isClosed; waited += pause) {
      pause = Math.min(pause * 2, LAST_PAUSE_MS);
      await delay(pause, undefined, { ref: false });
      const isDone = await attempt().then(
        () => true,
        () => false,
      );
      if (isDone) return;
    }
  }
}
