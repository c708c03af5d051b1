import type { Redis } from 'ioredis';
import type { Outgoing } from './call.ts';
import { errorCode, isReply } from './errors.ts';
import { ScriptCommand } from './script-command.ts';
import type { Script } from './scripts/script.ts';
import { argsTogether, together } from './scripts/together.ts';

/** So many run as one: the server serves nobody else meanwhile, for some 10 µs each. */
const MOST = 32;
/** Else the script costs more than the commands that it saves. */
const FEWEST = 4;
/** The part of all that is under way: the server works on some while the client has the answers of others, instead of each waiting for the other. */
const SHARE = 1 / 4;

/** What is sent in one turn of the event loop: several locks as one script. */
export class Gathering {
  readonly #client: Redis;
  #keys: string[] = [];
  #args: string[] = [];
  #gathered: Outgoing[] = [];
  #size = FEWEST;
  #isOneByOne = false;

  constructor(client: Redis) {
    this.#client = client;
  }

  /** `underWay`: how many calls have no answer yet. */
  fit(underWay: number): void {
    this.#size = Math.min(Math.max(Math.ceil(underWay * SHARE), FEWEST), MOST);
  }

  get isEmpty(): boolean {
    return this.#gathered.length === 0;
  }

  /** `false`: it can't be with others. It is to be sent by itself, after {@link flush}. */
  add(call: Outgoing): boolean {
    const arranged = argsTogether(call.script, call.args);
    if (arranged === undefined || this.#isOneByOne) return false;
    this.#keys.push(...call.keys);
    this.#args.push(...arranged);
    this.#gathered.push(call);
    if (this.#gathered.length >= this.#size) this.flush();
    return true;
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

  #failed(error: unknown, gathered: readonly Outgoing[], keys: readonly string[], args: readonly string[]): void {
    // A new server, or one whose scripts were flushed.
    if (errorCode(error) === 'NOSCRIPT') {
      this.#client.eval(together.lua, keys.length, ...keys, ...args).then(
        (replies) => answer(gathered, replies),
        (failure: unknown) => this.#failed(failure, gathered, keys, args),
      );
    } else if (isReply(error)) {
      // One name is refused, or is no lock's: the others have nothing to do with it. Or there are slots behind this one address.
      if (errorCode(error) === 'CROSSSLOT') this.#isOneByOne = true;
      this.#oneByOne(gathered);
    } else for (const call of gathered) call.failed(error);
  }

  #oneByOne(gathered: readonly Outgoing[]): void {
    for (const call of gathered) sendAlone(this.#client, call);
  }

  #send(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    return this.#client.sendCommand(new ScriptCommand(script, keys, args)) as Promise<unknown>;
  }
}

export function sendAlone(client: Redis, call: Outgoing): void {
  const { script, keys, args, command } = call;
  (client.sendCommand(command ?? new ScriptCommand(script, keys, args)) as Promise<unknown>).then(
    (reply) => call.answered(reply),
    (error: unknown) => call.failed(error),
  );
}

function answer(gathered: readonly Outgoing[], replies: unknown): void {
  gathered.forEach((call, i) => call.answered((replies as unknown[])[i]));
}
