import type { Redis } from 'ioredis';
import { errorCode, isReply } from './errors.ts';
import { ScriptCommand } from './script-command.ts';
import type { Script } from './scripts/script.ts';
import { argsTogether, together } from './scripts/together.ts';

interface Gathered {
  readonly script: Script;
  readonly keys: readonly string[];
  readonly args: readonly string[];
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** So many run as one: the server serves nobody else meanwhile, for some 10 µs each. */
const AT_ONCE = 32;

/** What is sent in one turn of the event loop: several locks as one script. */
export class Gathering {
  readonly #client: Redis;
  #keys: string[] = [];
  #args: string[] = [];
  #gathered: Gathered[] = [];

  constructor(client: Redis) {
    this.#client = client;
  }

  /** `undefined`: to be sent by itself, after {@link flush}. */
  add(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> | undefined {
    const arranged = argsTogether(script, args);
    if (arranged === undefined) return undefined;
    this.#keys.push(...keys);
    this.#args.push(...arranged);
    const reply = new Promise<unknown>((resolve, reject) => {
      this.#gathered.push({ script, keys, args, resolve, reject });
    });
    if (this.#gathered.length === AT_ONCE) this.flush();
    return reply;
  }

  /** Sends what there is: before anything that was asked for later. */
  flush(): void {
    const gathered = this.#gathered;
    if (gathered.length === 0) return;
    const [keys, args] = [this.#keys, this.#args];
    [this.#keys, this.#args, this.#gathered] = [[], [], []];
    if (gathered.length === 1) return this.#oneByOne(gathered);
    this.#send(together, keys, args).then(
      (replies) => answer(gathered, replies),
      (error: unknown) => this.#failed(error, gathered, keys, args),
    );
  }

  #failed(error: unknown, gathered: readonly Gathered[], keys: readonly string[], args: readonly string[]): void {
    // A new server, or one whose scripts were flushed.
    if (errorCode(error) === 'NOSCRIPT') {
      this.#client.eval(together.lua, keys.length, ...keys, ...args).then(
        (replies) => answer(gathered, replies),
        (failure: unknown) => this.#failed(failure, gathered, keys, args),
      );
    } else if (isReply(error)) {
      // One name is refused, or is no lock's: the others have nothing to do with it.
      this.#oneByOne(gathered);
    } else for (const { reject } of gathered) reject(error);
  }

  #oneByOne(gathered: readonly Gathered[]): void {
    for (const { script, keys, args, resolve, reject } of gathered)
      this.#send(script, keys, args).then(resolve, reject);
  }

  #send(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    return this.#client.sendCommand(new ScriptCommand(script, keys, args)) as Promise<unknown>;
  }
}

function answer(gathered: readonly Gathered[], replies: unknown): void {
  gathered.forEach(({ resolve }, i) => resolve((replies as unknown[])[i]));
}
