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
    let text = `*${3 + keys.length + args.length}\r\n$7\r\nevalsha\r\n$40\r\n${sha}\r\n${bulk(String(keys.length))}`;
    for (const key of keys) text += bulk(key);
    for (const arg of args) text += bulk(arg);
    this.#text = text;
  }

  override toWritable(): string {
    return this.#text;
  }
}

function bulk(text: string): string {
  return `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
}
