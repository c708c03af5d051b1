import { BackendUnavailableError, grantedCount } from '@holdfast/core/adapter';
import type { Children } from '../protocol/operations.ts';
import { parseNode } from './node-name.ts';
import type { QueueNode } from './node-name.ts';

/** A queue as it was at one moment. */
export interface View {
  /** In the order in which they entered. */
  readonly entered: readonly QueueNode[];
  /** In the order in which they hold: a thief is ahead of all others. */
  readonly order: readonly QueueNode[];
  /** No token below this one may be given any more: the last transaction that gave a token other than a node's own czxid, or in which a thief entered. */
  readonly floor: bigint;
}

/** The nodes in no order. Throws `BackendUnavailableError` for one that is not ours: who knows what it stands for. */
export function nodesOf({ names }: Children, container: string): QueueNode[] {
  return names.map((name) => {
    const node = parseNode(name);
    if (node !== undefined) return node;
    throw new BackendUnavailableError(`${container} has a node that Holdfast did not make: ${name.slice(0, 100)}`);
  });
}

/** `czxids`: of each node, in the same order, where their numbers do not tell who came first. */
export function viewOf(nodes: readonly QueueNode[], floor: bigint, czxids?: readonly bigint[]): View {
  const entered =
    czxids === undefined
      ? nodes.toSorted((a, b) => a.sequence - b.sequence)
      : nodes
          .map((node, i) => ({ node, czxid: czxids[i] ?? 0n }))
          .sort((a, b) => (a.czxid < b.czxid ? -1 : 1))
          .map(({ node }) => node);
  return {
    entered,
    order: [...entered.filter((node) => node.steal), ...entered.filter((node) => !node.steal)],
    floor,
  };
}

/** What a request has to do next. */
export type Place =
  /** Its node is not there: stolen while it waited, or its session is over. */
  | { readonly type: 'gone' }
  | { readonly type: 'held'; readonly isFollowed: boolean }
  /** `gone`: until that node is no more. `granted`: until it is no more, or says that it holds. */
  | { readonly type: 'behind'; readonly node: QueueNode; readonly until: 'gone' | 'granted' }
  /** Next to hold, as soon as any of those ahead goes. */
  | { readonly type: 'next' };

/**
 * Where `name` stands, and the one thing to watch: nobody is woken for nothing by a hand-over.
 *
 * | mode | watches |
 * |---|---|
 * | exclusive | the node directly ahead |
 * | shared | the nearest one ahead that is not shared |
 * | semaphore | the nearest ahead that is not a semaphore's; else, if those ahead wait, the last of them; else all |
 */
export function placeOf(name: string, { order }: View): Place {
  const index = order.findIndex((node) => node.name === name);
  const self = order[index];
  if (self === undefined) return { type: 'gone' };
  const count = grantedCount(order);
  if (index < count) return { type: 'held', isFollowed: index < order.length - 1 };
  const ahead = order.slice(0, index);
  const other = self.mode === 'exclusive' ? ahead.at(-1) : ahead.findLast((node) => node.mode !== self.mode);
  if (other !== undefined) return { type: 'behind', node: other, until: 'gone' };
  const previous = ahead.at(-1);
  if (previous !== undefined && count < index) return { type: 'behind', node: previous, until: 'granted' };
  return { type: 'next' };
}

/**
 * Who may hold when the thief `name` enters; `settled` is the thief that the container says has the lock. Nobody else
 * ahead of the thief can come to hold any more: they see it in their queue.
 */
export function victimsOf(name: string, { entered }: View, settled: string): QueueNode[] {
  const ahead = entered.slice(
    0,
    entered.findIndex((node) => node.name === name),
  );
  const thieves = ahead.filter((node) => node.steal);
  const others = ahead.filter((node) => !node.steal);
  if (thieves.some((node) => node.name === settled)) return thieves;
  return [...thieves, ...others.slice(0, grantedCount(others))];
}
