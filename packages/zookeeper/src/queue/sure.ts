import { Code, ConnectionLossError } from '../errors.ts';
import { getChildren, getData } from '../protocol/operations.ts';
import type { NodeData } from '../protocol/operations.ts';
import type { Connection } from '../session/connection.ts';
import { hasCode } from './codes.ts';
import type { Entry } from './entry.ts';
import type { Before, KnownQueue } from './known.ts';
import { viewOfChildren } from './look.ts';
import { parseNode } from './node-name.ts';
import type { QueueNode } from './node-name.ts';
import type { View } from './view.ts';
import type { WakeUp } from './wake-up.ts';

/**
 * What the end of the node ahead means: the queue of that very moment, known and not asked for.
 *
 * On one connection the server answers, and tells of changes, in the order of the transactions. So if the container, the request's own node
 * and `ahead` are watched there, then a queue is seen that begins with `ahead` and the request, and the first that is heard of
 * any of them is that `ahead` is gone, then the queue begins with the request:
 *
 * - its node was there, or its end would have been told before. So the session was alive;
 * - no thief had come between, for a thief says so in the container in the transaction in which it enters. One that comes
 *   later finds the request first in the queue, and steals from it;
 * - no later token than those of the view was given, other than as a czxid below the request's own: that changes the container, too.
 */
export class Foresight {
  readonly #entry: Entry;
  readonly #ahead: QueueNode;
  readonly #connection: Connection;
  readonly #bell: WakeUp;
  readonly #known: KnownQueue;
  /** `false`: it is gone, or the connection. */
  readonly aheadWatched: Promise<boolean>;
  #isOther = false;
  #ended: 'first' | 'somehow' | undefined;

  constructor(
    entry: Entry,
    { ahead, known }: { ahead: QueueNode; known: KnownQueue },
    connection: Connection,
    bell: WakeUp,
  ) {
    this.#entry = entry;
    this.#known = known;
    this.#ahead = ahead;
    this.#connection = connection;
    this.#bell = bell;
    const path = `${entry.container.path}/${ahead.name}`;
    bell.watch('data', path, (isGone) => this.#changed(isGone));
    this.aheadWatched = this.#watch(path).then((read) => read !== undefined);
  }

  /** Whether anything was heard of the one ahead. */
  get isOver(): boolean {
    return this.#ended !== undefined;
  }

  /**
   * Waits for the end of the one ahead, and resolves with the queue of then, as far as the request; with `undefined` where that can't be
   * known, and at once with what it sees if the request is not next.
   */
  async wait(): Promise<View | undefined> {
    const { container, path } = this.#entry;
    this.#bell.watch('data', container.path, () => {
      this.#isOther = true;
    });
    this.#bell.watch('data', path, () => {
      this.#isOther = true;
      this.#bell.ring();
    });
    const [containerRead, ownRead] = [this.#watch(container.path), this.#watch(path)];
    // After the watches: whatever happens after it is told.
    const before = this.#known.before(this.#ahead, this.#entry);
    const seen = before === undefined ? this.#listed() : this.#confirmed(before, containerRead);
    const [view, isAheadWatched, ...read] = await Promise.all([seen, this.aheadWatched, containerRead, ownRead]);
    if (view === undefined || !this.#isNextIn(view)) return view;
    if (!isAheadWatched || read.includes(undefined)) return undefined;
    // The end of the one ahead may have been told before the last of these answers. Then they tell of a later moment.
    if (this.isOver && this.#isOther) return undefined;
    await this.#bell.rung;
    return this.#ended === 'first' && this.#isAlive ? without(this.#ahead, view) : undefined;
  }

  /** If the one ahead is gone already, it shows that, and serves as a look. */
  async #listed(): Promise<View | undefined> {
    const { session, container } = this.#entry;
    const children = await orNothing(this.#connection.request(getChildren(container.path, false)));
    const view = children && (await viewOfChildren(session, container.path, children));
    if (view !== undefined) this.#known.saw(view);
    return view;
  }

  /** What was seen before, without those that are gone. */
  async #confirmed({ nodes, floor }: Before, containerRead: Promise<NodeData | undefined>): Promise<View | undefined> {
    const areGone = nodes.map(({ name }) => this.#isGone(name));
    const [container, ...gone] = await Promise.all([containerRead, ...areGone]);
    if (container === undefined) return undefined;
    // A thief has come since, and stands ahead of all.
    if (container.stat.mzxid !== floor) return await this.#listed();
    const left = nodes.filter((_, i) => gone[i] === false);
    const own = parseNode(this.#entry.name);
    if (own === undefined) return undefined;
    const order = [...left, this.#ahead, own];
    return { entered: order, order, floor };
  }

  /** That the connection is gone says nothing. */
  async #isGone(name: string): Promise<boolean> {
    try {
      await this.#connection.request(getData(`${this.#entry.container.path}/${name}`, false));
      return false;
    } catch (error) {
      if (error instanceof ConnectionLossError) return false;
      if (!hasCode(error, Code.noNode)) throw error;
      this.#known.isGone(name);
      return true;
    }
  }

  #watch(path: string): Promise<NodeData | undefined> {
    return orNothing(this.#connection.request(getData(path, true)));
  }

  /** By the clock: a process that was frozen for longer than its session lives reads an event before its timers have run. */
  get #isAlive(): boolean {
    return this.#connection.isOpen && this.#entry.session.lease.remainingMs > 0;
  }

  #changed(isGone: boolean): void {
    if (isGone) this.#known.isGone(this.#ahead.name);
    this.#ended = isGone && this.#isAlive && !this.#isOther ? 'first' : 'somehow';
    this.#bell.ring();
  }

  #isNextIn({ order: [first, second], floor }: View): boolean {
    return first?.name === this.#ahead.name && second?.name === this.#entry.name && this.#entry.czxid > floor;
  }
}

function without(gone: QueueNode, { entered, order, floor }: View): View {
  const isLeft = ({ name }: QueueNode): boolean => name !== gone.name;
  return { entered: entered.filter(isLeft), order: order.filter(isLeft), floor };
}

/** `undefined`: the node is gone, or the connection. */
export async function orNothing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ConnectionLossError || hasCode(error, Code.noNode)) return undefined;
    throw error;
  }
}
