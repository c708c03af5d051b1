/** What a session knows of a queue without asking. */
import { expect, test } from 'vitest';
import type { Entry } from '../src/queue/entry.ts';
import { KnownQueue } from '../src/queue/known.ts';
import { nodesOf, viewOf } from '../src/queue/view.ts';
import type { View } from '../src/queue/view.ts';
import type { ZooKeeperSession } from '../src/session/session.ts';

const stat = { czxid: 1n, mzxid: 1n, ctime: 0, mtime: 0, version: 0 };
const name = (i: number): string => `x-owner-0100000000000001-${String(i).padStart(10, '0')}`;
const view = (from: number, to: number, floor = 1n): View =>
  viewOf(nodesOf({ names: Array.from({ length: to - from }, (_, i) => name(from + i)), stat }, '/holdfast/n'), floor);
/** A key of the session's; nothing is asked of it. */
const session = {} as ZooKeeperSession;
const entry = (i: number): Entry => ({ session, container: { path: '/holdfast/n' }, name: name(i) }) as Entry;
const before = (known: KnownQueue, i: number): number[] | undefined => {
  const [ahead] = nodesOf({ names: [name(i - 1)], stat }, '/holdfast/n');
  return ahead && known.before(ahead, entry(i))?.nodes.map(({ sequence }) => sequence);
};

test('those ahead that are not known to be gone, other than the one directly ahead', () =>
  KnownQueue.during(entry(9), view(0, 200), async (known) => {
    expect(before(known, 3)).toEqual([0, 1]);
    known.isGone(name(1));
    expect(before(known, 3)).toEqual([0]);
    known.isGone(name(0));
    expect(before(known, 3)).toEqual([]);
    expect(before(known, 6)).toEqual([2, 3, 4]);
    known.isGone(name(3));
    expect(before(known, 6)).toEqual([2, 4]);
    await Promise.resolve();
  }));

test('nothing, if they are more than a list would cost, or if the one ahead or the request was not seen', () =>
  KnownQueue.during(entry(9), view(0, 12), async (known) => {
    expect(before(known, 2)).toEqual([0]);
    expect(before(known, 3)).toBeUndefined();
    known.isGone(name(0));
    expect(before(known, 3)).toEqual([1]);
    known.saw(view(5, 12));
    expect(before(known, 5)).toBeUndefined();
    expect(before(known, 12)).toBeUndefined();
    expect(before(known, 6)).toEqual([]);
    await Promise.resolve();
  }));

test('who waits in the same session shares it, and it is forgotten with the last of them', async () => {
  const first = await KnownQueue.during(entry(1), view(0, 2), async (one) => {
    one.isGone(name(0));
    return await KnownQueue.during(entry(2), view(1, 3), async (other) => {
      expect(other).toBe(one);
      expect(before(other, 2)).toEqual([]);
      return await Promise.resolve(one);
    });
  });
  await KnownQueue.during(entry(1), view(0, 2), async (later) => {
    expect(later).not.toBe(first);
    await Promise.resolve();
  });
});
