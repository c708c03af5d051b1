import { Command } from 'ioredis';
import type { Script } from './scripts/script.ts';

/**
 * EVALSHA as it goes over the wire (RESP, https://redis.io/docs/latest/develop/reference/protocol-spec/), made in one piece. ioredis copies
 * the arguments four times and joins them one by one, which is half of the client's work for a script.
 */
export class ScriptCommand extends Command {
  readonly #text: string;

  constructor({ sha }: Script, keys: readonly string[], args: readonly string[]) {
    super('evalsha', [], { replyEncoding: 'utf8' });
    const count = String(keys.length);
    let text = `*${3 + keys.length + args.length}\r\n$7\r\nevalsha\r\n$40\r\n${sha}${between(count.length)}${count}`;
    // Two pieces for each: a rope of fewer strings.
    for (const key of keys) text = text + between(Buffer.byteLength(key)) + key;
    for (const arg of args) text = text + between(Buffer.byteLength(arg)) + arg;
    this.#text = text + '\r\n';
  }

  override toWritable(): string {
    return this.#text;
  }

  /** For one that is made long before it is sent. */
  readied(): this {
    // To read any of it, V8 makes one string of the rope, which else the write would wait for.
    this.#text.charCodeAt(0);
    return this;
  }
}

const CACHED = 256;
const cache: readonly string[] = Array.from({ length: CACHED }, (_, bytes) => `\r\n$${bytes}\r\n`);

/** What stands between one argument and the next of so many bytes. */
function between(bytes: number): string {
  return cache[bytes] ?? `\r\n$${bytes}\r\n`;
}
