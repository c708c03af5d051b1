import { AsyncLocalStorage } from 'node:async_hooks';
import type { RequestMode } from '../contract.ts';
import { InvalidArgumentError } from '../errors.ts';
import type { Hold } from './hold.ts';

interface Scope {
  readonly hold: Hold;
  readonly outer: Scope | undefined;
}

/**
 * Which locks the current async context is inside of. A scope is the callback of a `request`: it has an end, and code
 * beside it does not see it. An `acquire` handle opens none, because the code after it is not told apart from its siblings.
 */
export class Reentrancy {
  readonly #storage = new AsyncLocalStorage<Scope | undefined>();

  run<T>(hold: Hold, callback: () => T): T {
    return this.#storage.run({ hold, outer: this.#storage.getStore() }, callback);
  }

  /**
   * The hold of an enclosing `request` for `name` that a nested request of `mode` can share. Throws when there is one that
   * it can't: waiting for oneself would never end.
   */
  find(name: string, mode: RequestMode): Hold | undefined {
    for (let scope = this.#storage.getStore(); scope !== undefined; scope = scope.outer) {
      const { hold } = scope;
      if (hold.name !== name) continue;
      // A task that outlives its request's callback keeps the context but not the lock: it queues like anybody else.
      if (hold.released) continue;
      if (hold.loss !== undefined) throw hold.loss;
      const held = hold.acquisition.mode;
      if (held === mode || (held === 'exclusive' && mode === 'shared')) return hold;
      throw new InvalidArgumentError(
        `A reentrant ${mode} request for ${JSON.stringify(name)} inside a ${held} hold of it would wait for itself`,
      );
    }
    return undefined;
  }
}
