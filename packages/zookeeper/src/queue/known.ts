import type { ZooKeeperSession } from '../session/session.ts';
import type { Entry } from './entry.ts';
import type { QueueNode } from './node-name.ts';
import type { View } from './view.ts';

/** To read so many nodes one by one costs the server and the client about as much as to list that many more. */
const LISTED_FOR_ONE_READ = 50;

/** All waiters of one session for one name share what they know. */
const queues = new WeakMap<ZooKeeperSession, Map<string, KnownQueue>>();

/** What {@link KnownQueue.before} tells of a request. */
export interface Before {
  /** Ahead of the one directly ahead, and not known to be gone. */
  readonly nodes: readonly QueueNode[];
  /** Of the view in which they were seen. */
  readonly floor: bigint;
}

/**
 * A queue as one of a session's waiters saw it last, and who has gone since. No node comes back, and none but a thief's gets ahead of one
 * that was seen. So whoever is in that view knows all who may be ahead of it still, however old the view: unless a thief has come,
 * which the container's data tell.
 */
export class KnownQueue {
  #view: View;
  /** The first so many in the order of that view are gone, */
  #from = 0;
  /** and these. */
  readonly #gone = new Set<string>();
  #waiters = 0;

  private constructor(view: View) {
    this.#view = view;
  }

  /** Calls `wait` with what the session knows, which it forgets when nobody waits any more. */
  static during<T>(
    { session, container: { path } }: Entry,
    view: View,
    wait: (known: KnownQueue) => Promise<T>,
  ): Promise<T> {
    const ofSession = queues.get(session) ?? new Map<string, KnownQueue>();
    queues.set(session, ofSession);
    const known = ofSession.get(path) ?? new KnownQueue(view);
    ofSession.set(path, known);
    known.saw(view);
    known.#waiters += 1;
    return wait(known).finally(() => {
      known.#waiters -= 1;
      if (known.#waiters === 0) ofSession.delete(path);
    });
  }

  /** The whole queue was listed. */
  saw(view: View): void {
    this.#view = view;
    this.#from = 0;
    this.#gone.clear();
  }

  /** The server has told that it is. */
  isGone(name: string): void {
    const { order } = this.#view;
    this.#gone.add(name);
    for (let first = order[this.#from]; first && this.#gone.delete(first.name); first = order[this.#from])
      this.#from += 1;
  }

  /** `undefined`: unknown, or so many that it is better to list the queue. */
  before(ahead: QueueNode, { name }: Entry): Before | undefined {
    const { order, floor } = this.#view;
    const own = order.findIndex((node) => node.name === name);
    if (order[own - 1]?.name !== ahead.name) return undefined;
    const nodes = order.slice(this.#from, own - 1).filter((node) => !this.#gone.has(node.name));
    return nodes.length > 1 + (order.length - own) / LISTED_FOR_ONE_READ ? undefined : { nodes, floor };
  }
}
