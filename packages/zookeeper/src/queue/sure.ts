import { Code, ConnectionLossError } from '../errors.ts';
import { getChildren, getData } from '../protocol/operations.ts';
import type { Connection } from '../session/connection.ts';
import { hasCode } from './codes.ts';
import type { Entry } from './entry.ts';
import { viewOfChildren } from './look.ts';
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
  /** `false`: it is gone, or the connection. */
  readonly aheadWatched: Promise<boolean>;
  #isOther = false;
  #ended: 'first' | 'somehow' | undefined;

  constructor(entry: Entry, ahead: QueueNode, connection: Connection, bell: WakeUp) {
    this.#entry = entry;
    this.#ahead = ahead;
    this.#connection = connection;
    this.#bell = bell;
    const path = `${entry.container.path}/${ahead.name}`;
    bell.watch('data', path, (isGone) => this.#changed(isGone));
    this.aheadWatched = this.#watch(path);
  }

  /** Whether anything was heard of the one ahead. */
  get isOver(): boolean {
    return this.#ended !== undefined;
  }

  /**
   * Waits for the end of the one ahead, and resolves with the queue of then; with `undefined` where that can't be known, and
   * at once with what it sees if the request is not next.
   */
  async wait(): Promise<View | undefined> {
    const { session, container, path } = this.#entry;
    this.#bell.watch('data', container.path, () => {
      this.#isOther = true;
    });
    this.#bell.watch('data', path, () => {
      this.#isOther = true;
      this.#bell.ring();
    });
    const watched = [container.path, path].map((each) => this.#watch(each));
    // Last: whatever happens after it is told. If the one ahead is gone already, it shows that, and serves as a look.
    const listed = orNothing(this.#connection.request(getChildren(container.path, false)));
    const [children, ...areSet] = await Promise.all([listed, this.aheadWatched, ...watched]);
    const view = children && (await viewOfChildren(session, container.path, children));
    if (view === undefined || !this.#isNextIn(view)) return view;
    if (areSet.includes(false)) return undefined;
    await this.#bell.rung;
    // Its end came after the view, which still has it.
    return this.#ended === 'first' ? without(this.#ahead, view) : undefined;
  }

  async #watch(path: string): Promise<boolean> {
    return (await orNothing(this.#connection.request(getData(path, true)))) !== undefined;
  }

  #changed(isGone: boolean): void {
    // By the clock: a process that was frozen for longer than its session lives reads this before its timers have run.
    const isAlive = this.#connection.isOpen && this.#entry.session.lease.remainingMs > 0;
    this.#ended = isGone && isAlive && !this.#isOther ? 'first' : 'somehow';
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
