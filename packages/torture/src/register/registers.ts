import { Redis } from 'ioredis';
import type { RegisterEntry, RegisterKind } from '../history/events.ts';
import { access } from './script.ts';

const LOG_KEY = 'torture:log';
/** Digits of the greatest 63-bit token. */
const TOKEN_DIGITS = 19;
const PAGE = 5000;

export interface Access {
  readonly accepted: boolean;
  readonly value: number;
  /** In the log. */
  readonly index: number;
}

export interface Accessor {
  readonly name: string;
  readonly op: string;
  readonly token: bigint;
}

/** What the locks protect: for each name a register that checks tokens and one that does not, in a Redis of their own. */
export class Registers implements AsyncDisposable {
  readonly #redis: Redis;

  constructor(url: string) {
    this.#redis = new Redis(url);
    // Each command reports its own failure; a client that loses its registers fails by that.
    this.#redis.on('error', () => undefined);
  }

  read(register: RegisterKind, who: Accessor): Promise<Access> {
    return this.#access(register, 'read', who, 0, 0);
  }

  /** `base` is what was read before. */
  write(register: RegisterKind, who: Accessor, base: number, value: number): Promise<Access> {
    return this.#access(register, 'write', who, base, value);
  }

  /** Everything that any client did, in the order in which it was done. */
  async log(): Promise<RegisterEntry[]> {
    const entries: RegisterEntry[] = [];
    for (;;) {
      const page = await this.#redis.lrange(LOG_KEY, entries.length, entries.length + PAGE - 1);
      for (const line of page) entries.push(JSON.parse(line) as RegisterEntry);
      if (page.length < PAGE) return entries;
    }
  }

  close(): void {
    this.#redis.disconnect();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await Promise.resolve();
  }

  async #access(
    register: RegisterKind,
    action: 'read' | 'write',
    { name, op, token }: Accessor,
    base: number,
    value: number,
  ): Promise<Access> {
    const digits = String(token).padStart(TOKEN_DIGITS, '0');
    const keys = [`torture:fence:${name}`, `torture:${register}:${name}`, LOG_KEY];
    const args = [register, action, digits, op, base, value, name];
    const [accepted, after, index] = (await this.#redis.eval(access, keys.length, ...keys, ...args)) as number[];
    return { accepted: accepted === 1, value: after ?? 0, index: index ?? 0 };
  }
}
