import { setTimeout as delay } from 'node:timers/promises';
import { batched, CONFIRM_MS, driftMarginMs, Lease } from '@holdfast/core/adapter';
import type { Grant, LeaseSource, LockRequest, RenewResult } from '@holdfast/core/adapter';
import type { Invocation } from './commands.ts';
import type { Departure } from './departures.ts';
import { entryOf } from './entry.ts';
import type { Terms } from './entry.ts';
import { renew } from './scripts/renew.ts';
import type { Concerns, Runner } from './servers.ts';

/** A request on its way to a grant. */
export interface Claim {
  readonly request: LockRequest;
  readonly terms: Terms;
  /** The request as the server keeps it. */
  readonly entry: string;
  readonly keys: readonly string[];
  /** Whole ms, as the server counts. */
  readonly ttlMs: number;
}

/** Its lease's own source: whoever holds many locks has no more than these few objects for each. */
export class RedisGrant implements Grant, LeaseSource {
  readonly name: string;
  readonly owner: string;
  readonly terms: Terms;
  /** `false`: only its user renews it. */
  readonly renews: boolean;
  readonly fencingToken: bigint;
  readonly lease: Lease;
  /** How it is to be released, where that was prepared. */
  departure: Departure | undefined;
  readonly #holds: Holds;

  constructor(holds: Holds, { request, terms }: Claim, token: string, provedAt: number, skewMs: number) {
    this.name = request.name;
    this.owner = request.owner;
    this.terms = terms;
    this.renews = request.renew;
    this.fencingToken = BigInt(token);
    this.#holds = holds;
    this.lease = new Lease({ ttlMs: request.ttlMs, provedAt, auto: request.renew, skewMs }, this);
  }

  get entry(): string {
    return entryOf(this.owner, this.terms);
  }

  renew(): Promise<RenewResult> {
    return this.#holds.renew(this);
  }

  onLost(): void {
    this.#holds.forget(this);
  }
}

export interface HoldsOptions {
  readonly runner: Runner;
  readonly skewMs: number;
  readonly keysOf: (name: string) => string[];
}

/** The renew script's answers for what holds, and for what does not. */
const RENEWED = 1;
const NOT_HELD = 0;
/** A failed confirmation is tried again after this time, in ms. */
const CONFIRM_RETRY_MS = 100;

/** All that this backend holds; what is due for renewal at the same time goes to the server together. */
export class Holds {
  readonly #options: HoldsOptions;
  readonly #byOwner = new Map<string, RedisGrant>();
  readonly #renew = batched((grants: readonly RedisGrant[]) => this.#renewAll(grants));

  constructor(options: HoldsOptions) {
    this.#options = options;
  }

  /** `provedAt`: when the request was sent that the server answered with the token. */
  add(claim: Claim, token: string, provedAt: number): RedisGrant {
    const grant = new RedisGrant(this, claim, token, provedAt, this.#options.skewMs);
    this.#byOwner.set(grant.owner, grant);
    return grant;
  }

  /**
   * A grant that came by message at `receivedAt` and was made no earlier than `grantedAt`. The server keeps it for
   * {@link confirmMs}, and for a ttl from the renewal that is sent now. `undefined` if too little of that time is certain.
   */
  addPushed(claim: Claim, token: string, grantedAt: number, receivedAt: number): RedisGrant | undefined {
    const { ttlMs } = claim.request;
    const life = confirmMs(ttlMs);
    const margin = driftMarginMs(life);
    if (grantedAt + life - margin - this.#options.skewMs - receivedAt < life / 4) return undefined;
    // The lease takes a ttl and its margin from `provedAt`; what ends then is the shorter life with its own margin.
    const provedAt = grantedAt - (ttlMs - life) + (driftMarginMs(ttlMs) - margin);
    const grant = this.add(claim, token, provedAt);
    // Whoever waited goes on first.
    if (life < ttlMs) setImmediate(() => void confirm(grant.lease));
    return grant;
  }

  stolen(owner: string): void {
    this.#byOwner.get(owner)?.lease.lose('stolen');
  }

  async renew(grant: RedisGrant): Promise<RenewResult> {
    return asResult(await this.#renew(grant));
  }

  forget(grant: RedisGrant): void {
    this.#byOwner.delete(grant.owner);
  }

  /** Released, or about to be. */
  end(grant: RedisGrant): void {
    grant.lease.end();
    this.forget(grant);
  }

  /** Asks about all that it concerns now: a message that one was stolen may have been lost. */
  verify(concerns: Concerns): void {
    for (const { name, lease, renews } of this.#byOwner.values()) if (renews && concerns(name)) void lease.attempt();
  }

  /** What is held; a name as often as it is. */
  *names(): Iterable<string> {
    for (const { name } of this.#byOwner.values()) yield name;
  }

  close(): void {
    for (const grant of this.#byOwner.values()) this.end(grant);
  }

  async #renewAll(grants: readonly RedisGrant[]): Promise<unknown[]> {
    // What was released in the meantime needs no renewal: short holds that came by message end before they are confirmed.
    const live = grants.filter(({ lease }) => lease.state !== 'ended');
    const invocations = live.map(({ name, entry, terms, lease }): Invocation => {
      // No more than what exists while it is held: while a slot of a cluster moves, the rest would be waited for.
      const keys = this.#options.keysOf(name).slice(0, terms.kind === 'x' ? 2 : 3);
      return { keys, args: [entry, String(Math.ceil(lease.ttlMs))] };
    });
    const replies = await this.#options.runner.runAll(renew, invocations, isRenewed);
    const results = new Map(live.map((grant, i) => [grant, replies[i]]));
    return grants.map((grant) => results.get(grant) ?? NOT_HELD);
  }
}

/** How long the server keeps a grant that came by message until it is renewed. The scripts have the same number. */
function confirmMs(ttlMs: number): number {
  return Math.min(ttlMs, CONFIRM_MS);
}

/** The lease would try again only after a tenth of its ttl: too late for a confirmation. */
async function confirm(lease: Lease): Promise<void> {
  do {
    if ((await lease.attempt()) === undefined) return;
    await delay(CONFIRM_RETRY_MS, undefined, { ref: false });
  } while (lease.state === 'unknown');
}

function isRenewed(reply: unknown): boolean {
  return Number(reply) === RENEWED;
}

function asResult(reply: unknown): RenewResult {
  if (reply instanceof Error) throw reply;
  if (isRenewed(reply)) return 'renewed';
  return Number(reply) === -1 ? 'stolen' : 'expired';
}
