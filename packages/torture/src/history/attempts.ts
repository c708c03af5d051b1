import type { RequestMode } from '@holdfast/core';
import type { AttemptEvent, HistoryEvent, Invoked } from './events.ts';

/** A request as its client saw it. Times in µs. */
export interface Attempt {
  readonly op: string;
  readonly client: number;
  readonly life: number;
  readonly name: string;
  readonly mode: RequestMode;
  readonly permits: number | undefined;
  readonly wait: boolean;
  readonly steal: boolean;
  readonly invokedAt: number;
  readonly queuedAt: number | undefined;
  /** When it came to an answer of any kind; `undefined` if it never did. */
  readonly answeredAt: number | undefined;
  readonly failure: { readonly code: string; readonly message: string } | undefined;
  readonly hold: Hold | undefined;
}

/** From the moment `acquire` resolved until the client knew, or could have known, that it was over. */
export interface Hold {
  readonly token: bigint;
  readonly from: number;
  readonly until: number;
  /** The client's own deadline after its last proof. */
  readonly deadline: number;
  /** When the client was told that it was over, or gave it up. */
  readonly toldAt: number | undefined;
  readonly lostAt: number | undefined;
  readonly lossReason: string | undefined;
}

export type Held = Attempt & { readonly hold: Hold };

export function attemptsOf(events: readonly HistoryEvent[]): Attempt[] {
  const byOp = new Map<string, AttemptEvent[]>();
  for (const event of events) {
    if (!('op' in event)) continue;
    const own = byOp.get(event.op);
    if (own === undefined) byOp.set(event.op, [event]);
    else own.push(event);
  }
  const deaths = deathsOf(events);
  return [...byOp.values()].map((own) => attemptOf(own, deaths)).sort((a, b) => a.invokedAt - b.invokedAt);
}

export function isHeld(attempt: Attempt): attempt is Held {
  return attempt.hold !== undefined;
}

/** When each life ended otherwise than by its own will. */
export function deathsOf(events: readonly HistoryEvent[]): ReadonlyMap<string, number> {
  const deaths = new Map<string, number>();
  for (const event of events) {
    if ((event.type === 'killed' || event.type === 'died') && !deaths.has(lifeOf(event)))
      deaths.set(lifeOf(event), event.t);
  }
  return deaths;
}

export function lifeOf({ client, life }: { readonly client: number; readonly life: number }): string {
  return `${client}.${life}`;
}

function attemptOf(events: readonly AttemptEvent[], deaths: ReadonlyMap<string, number>): Attempt {
  const invoke = events.find((event): event is Invoked => event.type === 'invoke');
  if (invoke === undefined) throw new Error(`The history has no invocation of ${events[0]?.op}`);
  const failed = events.find((event) => event.type === 'failed');
  const granted = events.find((event) => event.type === 'granted');
  const answer = granted ?? failed ?? events.find((event) => event.type === 'refused');
  const { op, client, life, name, mode, permits, wait, steal, t } = invoke;
  return {
    op,
    client,
    life,
    name,
    mode,
    permits,
    wait,
    steal,
    invokedAt: t,
    queuedAt: events.find((event) => event.type === 'queued')?.t,
    answeredAt: answer?.t,
    failure: failed === undefined ? undefined : { code: failed.code, message: failed.message },
    hold: granted === undefined ? undefined : holdOf(events, granted, deaths.get(lifeOf(invoke))),
  };
}

function holdOf(
  events: readonly AttemptEvent[],
  granted: AttemptEvent & { readonly type: 'granted' },
  diedAt: number | undefined,
): Hold {
  let deadline = granted.until;
  for (const event of events) if (event.type === 'proof') deadline = Math.max(deadline, event.until);
  const lost = events.find((event) => event.type === 'lost');
  const endingAt = events.find((event) => event.type === 'ending')?.t;
  const toldAt = earliest(lost?.t, endingAt);
  return {
    token: BigInt(granted.token),
    from: granted.t,
    until: Math.max(granted.t, earliest(deadline, toldAt, diedAt) ?? deadline),
    deadline,
    toldAt,
    lostAt: lost?.t,
    lossReason: lost?.reason,
  };
}

function earliest(...times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
