import { monotonicMs } from '@holdfast/core/adapter';
import type { Voting } from '@holdfast/core/adapter';
import type { Call } from './call.ts';
import type { Commands } from './commands.ts';
import type { Departures } from './departures.ts';
import { isTransient, RedisUnavailableError } from './errors.ts';
import type { Claim, Holds, RedisGrant } from './holds.ts';
import { keysOf } from './keys.ts';
import { isToken } from './scripts/acquire.ts';
import { raise } from './scripts/raise.ts';
import { vote } from './scripts/vote.ts';

export interface VotesOptions {
  readonly commands: Commands;
  readonly holds: Holds;
  readonly departures: Departures;
  readonly prefix: string;
  /** For how long a server may not vote after it was started or emptied, and the longest ttl of a vote, in ms; 0: any. */
  readonly quarantineMs: number;
  readonly skewMs: number;
}

/** One that fails because the connection broke is repeated once: the connection may only have been renewed. */
const ATTEMPTS = 2;
/** Lua counts in doubles. */
const GREATEST_TOKEN = 2n ** 53n - 1n;

/** This server as one of a quorum. */
export class Votes implements Voting<RedisGrant> {
  readonly maxTtlMs: number;
  readonly #options: VotesOptions;

  constructor(options: VotesOptions) {
    this.#options = options;
    this.maxTtlMs = options.quarantineMs === 0 ? Infinity : options.quarantineMs;
  }

  /** `null`: not free. Rejects with `BackendUnavailableError`, also when the server may not vote yet. */
  async cast(claim: Claim): Promise<RedisGrant | null> {
    const { holds, departures } = this.#options;
    const sent: Call[] = [];
    for (;;) {
      const startedAt = monotonicMs();
      const call = this.#ask(claim);
      sent.push(call);
      try {
        const reply = await call.reply;
        if (!Array.isArray(reply)) return reply === null ? null : holds.add(claim, String(reply), startedAt);
        throw this.#young(Number(reply[0]));
      } catch (error) {
        if (!claim.request.aborted && isTransient(error) && sent.length < ATTEMPTS) continue;
        // It may have been granted, or may yet be. Nobody waits for that.
        void departures.leave(claim, Promise.all(sent.map(({ settled }) => settled)));
        throw error;
      }
    }
  }

  async raise({ name, entry }: RedisGrant, token: bigint): Promise<boolean> {
    const { commands, prefix } = this.#options;
    const { server } = commands.link;
    if (token > GREATEST_TOKEN) throw new RedisUnavailableError(`Redis at ${server} can't count to ${token}`, false);
    const keys = keysOf(prefix, name).slice(0, 2);
    return Number(await commands.run(raise, { keys, args: [entry, String(token)] })) === 1;
  }

  #ask({ keys, entry, ttlMs, request }: Claim): Call {
    const { commands, prefix, quarantineMs, skewMs } = this.#options;
    const quarantine = quarantineMs === 0 ? 0 : Math.ceil(quarantineMs + skewMs);
    const args = [entry, String(ttlMs), 'try', String(quarantine), String(request.vote?.proposal ?? 0)];
    return commands.start(vote, { keys: [...keys, `${prefix}:member`], args }, isToken);
  }

  #young(leftMs: number): RedisUnavailableError {
    const { server } = this.#options.commands.link;
    return new RedisUnavailableError(
      `Redis at ${server} was started or emptied, or is new to this quorum, and may not vote for another ${leftMs} ms`,
      false,
    );
  }
}
