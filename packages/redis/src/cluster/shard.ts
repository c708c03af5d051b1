import { monotonicMs, Patience } from '@holdfast/core/adapter';
import type { Link } from '../link.ts';
import type { Script } from '../scripts/script.ts';
import { ServerClock } from '../server-clock.ts';
import type { Node } from '../servers.ts';
import type { Address } from './address.ts';

/** One node of the cluster and its connection for commands. */
export class Shard implements Node {
  readonly address: Address;
  readonly link: Link;
  readonly clock: ServerClock = new ServerClock();
  readonly #patience: Patience;
  #usedAt = monotonicMs();

  constructor(address: Address, link: Link, timeoutMs: number) {
    this.address = address;
    this.link = link;
    link.on('close', () => this.clock.forget());
    this.#patience = new Patience(timeoutMs, () => link.unanswered(timeoutMs));
  }

  /** For how long nothing has been sent, in ms. */
  get idleMs(): number {
    return monotonicMs() - this.#usedAt;
  }

  /** `asking`: the slot is only on its way here. */
  evalsha(script: Script, keys: readonly string[], args: readonly string[], asking: boolean): Promise<unknown> {
    const { pending } = this.#patience;
    if (pending > 0) this.link.gather(pending);
    if (asking) this.#ask();
    this.#usedAt = monotonicMs();
    return this.link.evalsha(script, keys, args);
  }

  eval(script: Script, keys: readonly string[], args: readonly string[], asking: boolean): Promise<unknown> {
    if (asking) this.#ask();
    return this.link.open().eval(script.lua, keys.length, ...keys, ...args);
  }

  bounded<T>(work: Promise<T>): Promise<T> {
    this.#usedAt = monotonicMs();
    return this.#patience.bound(work);
  }

  /** For the next command alone, which follows in the same turn. If this one fails, so does that. */
  #ask(): void {
    this.link
      .open()
      .call('ASKING')
      .then(undefined, () => undefined);
  }
}
