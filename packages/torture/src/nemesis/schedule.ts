import type { FaultKind } from '../history/events.ts';
import { Random } from '../random.ts';

/** What is done, when, to whom and for how long. Times in ms from the start of the faults. */
export interface Fault {
  readonly id: number;
  readonly kind: FaultKind;
  readonly atMs: number;
  readonly durationMs: number;
  /** Absent: the server, or the connections of all clients. */
  readonly client?: number;
  readonly direction?: 'both' | 'requests' | 'answers';
  readonly delayMs?: number;
  /** Of the client's or the server's wall clock, forward or back. */
  readonly stepMs?: number;
  /** Of the cluster; which one leads is found out when the fault begins. */
  readonly member?: number | 'leader';
  /** Of a packet to be dropped. */
  readonly probability?: number;
  /** What makes the leader go. */
  readonly how?: FailoverCause;
}

const failoverCauses = ['kill', 'freeze', 'ask'] as const;
export type FailoverCause = (typeof failoverCauses)[number];

export interface ScheduleOptions {
  readonly seed: string;
  readonly durationMs: number;
  readonly clients: number;
  /** What can be done to this backend. */
  readonly kinds: ReadonlySet<FaultKind>;
  /** After so long a frozen holder has surely lost its lock, in ms: the largest ttl and the granularity. */
  readonly takeoverMs: number;
  /** Of the cluster; default: none. */
  readonly members?: number;
  /** The largest step of the server's wall clock, in ms. */
  readonly serverStepMs?: number;
  /** So many of the leader, one after the other, instead of all other faults of server and network. */
  readonly failovers?: number | undefined;
}

const clientFaults: Readonly<Partial<Record<FaultKind, number>>> = {
  'client-kill': 3,
  'client-freeze': 5,
  'client-clock': 1,
};
const serverFaults: Readonly<Partial<Record<FaultKind, number>>> = {
  'server-kill': 2,
  'server-freeze': 2,
  'server-clock': 2,
  'slow-disk': 2,
  'member-kill': 3,
  'member-freeze': 3,
  failover: 3,
  partition: 3,
  isolation: 3,
  loss: 2,
  cut: 4,
  blackhole: 4,
  delay: 2,
};

/** Faults of one track come one after the other. */
export type Track = 'clients' | 'server and network';

export function trackOf(kind: FaultKind): Track {
  return kind.startsWith('client-') ? 'clients' : 'server and network';
}

/** Between two faults of the same track, in ms. */
const REST_MS = { least: 300, most: 2500 };

/**
 * All faults of a run, by its seed alone. Two tracks run side by side: clients are hurt while the server or the network is.
 * Within a track one fault ends before the next begins, so that every fault meets a system at work.
 */
export function schedule(options: ScheduleOptions): Fault[] {
  const tracks = [clientFaults, serverFaults].flatMap((weights, index) => {
    const possible = Object.entries(weights).filter(([kind]) => options.kinds.has(kind as FaultKind));
    if (index === 1 && options.failovers !== undefined) return failovers(options, options.failovers);
    if (possible.length === 0) return [];
    return track(options, new Random(`${options.seed} nemesis ${index}`), Object.fromEntries(possible));
  });
  return tracks.sort((a, b) => a.atMs - b.atMs).map((fault, id) => ({ ...fault, id }));
}

function track(
  options: ScheduleOptions,
  random: Random,
  weights: Readonly<Partial<Record<FaultKind, number>>>,
): Omit<Fault, 'id'>[] {
  const faults: Omit<Fault, 'id'>[] = [];
  let atMs = random.between(REST_MS.least, REST_MS.most);
  for (;;) {
    const fault = { atMs, ...next(options, random, weights) };
    if (atMs + fault.durationMs > options.durationMs) return faults;
    faults.push(fault);
    atMs += fault.durationMs + random.between(REST_MS.least, REST_MS.most);
  }
}

/** Each begins when the one before is over, however long that takes. */
function failovers({ seed }: ScheduleOptions, count: number): Omit<Fault, 'id'>[] {
  const random = new Random(`${seed} failovers`);
  let atMs = 0;
  return Array.from({ length: count }, () => {
    atMs += random.between(REST_MS.least, REST_MS.most);
    const fault = {
      kind: 'failover',
      how: random.pick(failoverCauses),
      atMs,
      durationMs: random.between(0, 1000),
    } as const;
    atMs += fault.durationMs;
    return fault;
  });
}

function next(
  { clients, takeoverMs, members = 0, serverStepMs = 0 }: ScheduleOptions,
  random: Random,
  weights: Readonly<Partial<Record<FaultKind, number>>>,
): Omit<Fault, 'id' | 'atMs'> {
  const kind = random.weighted<FaultKind>(weights);
  const client = random.between(0, clients - 1);
  // Below a takeover, where nothing may be lost, and above it, where a lock must go on.
  const durationMs = random.chance(0.5)
    ? random.between(50, Math.round(takeoverMs / 3))
    : random.between(takeoverMs, Math.round(takeoverMs * 1.6));
  const everybody = random.chance(0.25);
  const direction = random.pick(['both', 'requests', 'answers'] as const);
  const delayMs = random.between(5, 400);
  const stepMs = random.between(-3_600_000, 3_600_000);
  // Who leads has most to lose; not every backend has one leader for all.
  const member = random.chance(0.5) ? 'leader' : random.between(0, Math.max(members - 1, 0));
  switch (kind) {
    case 'client-kill':
    case 'client-freeze':
      return { kind, client, durationMs };
    case 'client-clock':
      return { kind, client, durationMs, stepMs };
    case 'server-kill':
    case 'server-freeze':
      return { kind, durationMs };
    case 'server-clock':
      return { kind, durationMs, stepMs: random.between(-serverStepMs, serverStepMs) };
    case 'member-kill':
    case 'member-freeze':
    case 'partition':
    case 'isolation':
      return { kind, durationMs, member };
    case 'loss':
      return { kind, durationMs, member, probability: random.between(5, 40) / 100 };
    case 'slow-disk':
      return { kind, durationMs, delayMs };
    case 'failover':
      return { kind, durationMs, how: random.pick(failoverCauses) };
    case 'cut':
      return { kind, durationMs: 0, ...(everybody ? {} : { client }) };
    case 'blackhole':
      return { kind, durationMs, direction, ...(everybody ? {} : { client }) };
    case 'delay':
      return { kind, durationMs, delayMs, ...(everybody ? {} : { client }) };
  }
}

/** One line for people. */
export function describeFault(fault: Fault): string {
  const { id, kind, atMs, durationMs, client, direction, delayMs, stepMs, member, probability, how } = fault;
  const parts = [
    `#${id}`,
    `at ${(atMs / 1000).toFixed(1)} s`,
    kind,
    client === undefined ? undefined : `of client ${client}`,
    member === undefined ? undefined : member === 'leader' ? 'of the leader' : `of member ${member}`,
    probability === undefined ? undefined : `of ${Math.round(probability * 100)} % of the packets`,
    how === undefined ? undefined : `(${how})`,
    direction === undefined ? undefined : `(${direction})`,
    delayMs === undefined ? undefined : `of ${delayMs} ms`,
    stepMs === undefined ? undefined : `by ${stepMs} ms`,
    durationMs === 0 ? undefined : `for ${durationMs} ms`,
  ];
  return parts.filter((part) => part !== undefined).join(' ');
}
