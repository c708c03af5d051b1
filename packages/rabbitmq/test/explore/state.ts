import type { Proposal, Reading, Served, Step } from '../../src/reading.ts';

export interface Message {
  readonly epoch: bigint;
  readonly id: string;
  readonly wasServed: boolean;
}

/** A message as it was served once. */
export interface Delivery extends Served {
  readonly tag: number;
  /** How many the log had served before, to whomever. */
  readonly at: number;
  /** How often its consumer had been passed over. */
  readonly tenure: number;
}

/** A request: its consumer at the broker, what it knows, and what is under way between the two. */
export interface Client {
  readonly life: number;
  readonly status: 'unregistered' | 'up' | 'suspected' | 'gone';
  readonly tenure: number;
  readonly unacked: readonly (Message & { readonly tag: number })[];
  readonly tags: number;
  /** Served, not heard yet. */
  readonly inbox: readonly Delivery[];
  /** Sent, not in the log yet. Each kind stays in order; either may overtake the other, because Ra lets messages wait. */
  readonly published: readonly Proposal[];
  readonly acked: readonly number[];
  readonly reading: Reading<Delivery>;
  readonly grant: Grant | undefined;
  /** `false`: believed by one who had been passed over since the grant. */
  readonly renewal: 'none' | 'sent' | 'heard' | 'false';
  readonly proposals: number;
  /** How often it has published the proposal that stands once more. */
  readonly repeats: number;
}

export interface Grant {
  readonly epoch: bigint;
  readonly at: number;
  readonly tenure: number;
}

export interface State {
  /** Served before all that is `fresh`. */
  readonly returned: readonly Message[];
  readonly fresh: readonly Message[];
  readonly active: number | undefined;
  readonly waiting: readonly number[];
  readonly clients: readonly Client[];
  /** What channels that have ended had sent: each of them may still come, or never. */
  readonly adrift: readonly Proposal[];
  readonly grants: readonly Grant[];
  readonly served: number;
  /** The greatest that was ever served. */
  readonly greatest: bigint;
  readonly suspicions: number;
  readonly lives: number;
}

export type Read = (
  before: Reading<Delivery>,
  served: Delivery,
  propose: (least: bigint, remembers: boolean) => Proposal,
) => Step<Delivery>;

export interface Scene {
  readonly read: Read;
  readonly clients: number;
  readonly prefetch: number;
  /** Channels that begin after the first ones have ended: released, given up or killed. */
  readonly lives: number;
  readonly suspicions: number;
  readonly renews: boolean;
  /** How often a request may publish its proposal once more, because it hears nothing. */
  readonly repeats: number;
  /** What a suspected node had not heard yet may be lost to it; otherwise everything is heard as soon as it is served. */
  readonly isLossy: boolean;
}

const UNREGISTERED: Omit<Client, 'life'> = {
  status: 'unregistered',
  tenure: 0,
  unacked: [],
  tags: 0,
  inbox: [],
  published: [],
  acked: [],
  reading: { phase: 'waiting' },
  grant: undefined,
  renewal: 'none',
  proposals: 0,
  repeats: 0,
};

export function unregistered(life: number): Client {
  return { ...UNREGISTERED, life };
}

export function initial({ clients, lives, suspicions }: Scene): State {
  return {
    returned: [],
    fresh: [{ epoch: 0n, id: 'wake', wasServed: false }],
    active: undefined,
    waiting: [],
    clients: Array.from({ length: clients }, (_, life) => unregistered(life)),
    adrift: [],
    grants: [],
    served: 0,
    greatest: 0n,
    suspicions,
    lives,
  };
}

export function changed(state: State, index: number, change: Partial<Client>): State {
  return { ...state, clients: state.clients.map((client, i) => (i === index ? { ...client, ...change } : client)) };
}

/**
 * Two states with the same key go on in the same way. It leaves out what makes no difference to what follows: epochs count from the greatest
 * that was served, an id only as long as its publisher waits for it, and deliveries by their order.
 */
export function keyOf(state: State): string {
  const { returned, fresh, active, waiting, clients, adrift, grants, greatest, suspicions, lives } = state;
  const awaited = new Map(clients.flatMap((client, i) => awaitedBy(client).map((id, j) => [id, `${i}${'ab'[j]}`])));
  const message = ({ epoch, id }: Proposal): string => `${epoch - greatest}${awaited.get(id) ?? ''}`;
  // Another grant can be out of order with the last one, or with those that were served after it.
  const unheard = clients.flatMap(({ inbox }) => inbox).map(({ at }) => at);
  const last = Math.max(...grants.map(({ at }) => at));
  const relevant = grants.filter(({ at }) => at === last || unheard.some((other) => other < at));
  const order = [...new Set([...unheard, ...relevant.map(({ at }) => at)])].toSorted((a, b) => a - b);
  const keyOfClient = ({
    status,
    tenure,
    unacked,
    inbox,
    published,
    acked,
    reading,
    grant,
    renewal,
    repeats,
  }: Client): string => {
    const tags = unacked.map(({ tag }) => tag);
    return [
      status,
      reading.phase,
      'kept' in reading ? `${reading.kept.epoch - greatest}@${tags.indexOf(reading.kept.tag)}` : '',
      'proposal' in reading ? message(reading.proposal) : '',
      unacked.map(message),
      inbox.map(
        (one) =>
          `${message(one)}${one.isReturned}${order.indexOf(one.at)}@${tags.indexOf(one.tag)}:${tenure - one.tenure}`,
      ),
      published.map(message),
      acked.map((tag) => tags.indexOf(tag)),
      grant === undefined ? '' : tenure - grant.tenure,
      renewal,
      reading.phase === 'taking' ? repeats : '',
    ].join('/');
  };
  return [
    returned.map(message),
    fresh.map(message),
    active,
    waiting,
    adrift.map(message).toSorted(),
    relevant.map(({ epoch, at }) => `${epoch - greatest}@${order.indexOf(at)}`),
    suspicions,
    lives,
    ...clients.map(keyOfClient),
  ].join('|');
}

function awaitedBy({ reading, renewal, life }: Client): string[] {
  return [
    reading.phase === 'taking' ? reading.proposal.id : '',
    reading.phase === 'holding' && renewal === 'sent' ? `${life}.renewal` : '',
  ];
}
