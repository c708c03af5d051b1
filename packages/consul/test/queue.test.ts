import { expect, test } from 'vitest';
import { nameOf, parseRequestKey, queueOf, requestKey } from '../src/keys.ts';
import { behind, nextOf } from '../src/hand-over.ts';
import { awaited, inOrder, victimsLeft, victimsOf } from '../src/queue.ts';
import type { Entry } from '../src/queue.ts';

/**
 * `x` exclusive, `s` shared, `2` a permit of two, `!` who steals it, `!!` who has stolen it; in the order of their creation. With
 * `w` or `h`: of this process, waiting or holding; with `g`: granted the lock by a release.
 */
function queue(...kinds: string[]): { entries: Entry[]; local: (entry: Entry) => 'waiting' | 'holding' | undefined } {
  const places = new Map(
    kinds.map(
      (kind, i) => [String(i), kind.endsWith('w') ? 'waiting' : kind.endsWith('h') ? 'holding' : undefined] as const,
    ),
  );
  const entries = kinds.map((kind, i): Entry => {
    const [letter = ''] = kind;
    const mode = letter === 's' ? 'shared' : letter === 'x' || letter === '!' ? 'exclusive' : 'semaphore';
    const modified = kind.startsWith('!!') ? 100 + i : i;
    const permits = mode === 'semaphore' ? Number(letter) : undefined;
    return {
      mode,
      permits,
      thief: letter === '!',
      key: `${i}`,
      queue: 'q/',
      created: i,
      modified,
      session: 's',
      value: null,
      granted: kind.endsWith('g'),
    };
  });
  return { entries: inOrder(entries), local: ({ key }) => places.get(key) };
}

test.each([
  ['an exclusive request: the one ahead', ['x', 'x', 's', 'x'], '3', '2', 'gone'],
  ['behind another of its process, however far: that one', ['x', 'xw', 's', 'x'], '3', '1', 'gone'],
  ['a shared one: the nearest that is not shared', ['x', 'x', 's', 's'], '3', '1', 'gone'],
  ['a shared one behind a writer of its process: that one', ['xh', 'x', 's', 's'], '3', '0', 'gone'],
  ['the first to wait for a permit: the queue', ['2', '2', '2', '2'], '2', 'queue', 'changed'],
  ['the next to wait for a permit: the one ahead, until it holds', ['2', '2', '2', '2'], '3', '2', 'changed'],
  ['a permit behind one that its process waits for: that one', ['2', '2', '2w', '2', '2'], '4', '2', 'changed'],
  ['who waited before a theft: the thief', ['x', 'x', '!'], '0', '2', 'gone'],
] as const)('who waits watches as little as possible: %s', (_, kinds, own, watched, until) => {
  const { entries, local } = queue(...kinds);
  const found = entries.find(({ key }) => key === own);
  if (found === undefined) throw new Error('not in the queue');
  const { entry, until: then } = awaited(entries, found, local);
  expect([entry === 'queue' ? entry : entry.key, then]).toEqual([watched, until]);
});

test.each([
  ['the holder, and not who waits', ['x', 'x', '!'], ['0']],
  ['all readers in front', ['s', 's', 'x', 's', '!'], ['0', '1']],
  ['an earlier thief that has the lock, and not who waits', ['x', 'x', '!!', '!'], ['2']],
  ['an earlier thief that has yet to remove the holder, and the holder', ['x', 'x', '!', '!'], ['2', '0']],
] as const)('a thief removes %s', (_, kinds, victims) => {
  const { entries } = queue(...kinds);
  const [thief] = entries;
  if (thief === undefined) throw new Error('nobody is there');
  expect(victimsOf(entries, thief).map(({ key }) => key)).toEqual(victims);
});

test.each([
  ['the holder that is still there', ['x', 'x', '!'], ['0', '1', '2'], ['0']],
  ['whom that one has granted the lock', ['x', 'xg', 'x', '!'], ['1', '2', '3'], ['1']],
  ['not who is first since, but was granted nothing', ['x', 'x', 'x', '!'], ['1', '2', '3'], []],
  ['the readers that are left', ['s', 's', 'x', '!'], ['1', '2', '3'], ['1']],
  ['an earlier thief, and whom the holder has granted the lock', ['x', 'xg', '!', '!'], ['1', '2', '3'], ['2', '1']],
] as const)('of those whom a thief has yet to remove, looks again for %s', (_, kinds, there, victims) => {
  const { entries } = queue(...kinds);
  const [thief] = entries;
  if (thief === undefined) throw new Error('nobody is there');
  const now = entries.filter(({ key }) => there.some((other) => other === key));
  expect(victimsLeft(victimsOf(entries, thief), now).map(({ key }) => key)).toEqual(victims);
});

test.each([
  ['an exclusive holder: to the exclusive one behind', ['x', 'x', 'x'], '0', '1'],
  ['a holder that is alone: to nobody', ['x'], '0', undefined],
  ['an exclusive holder: to no shared one', ['x', 's', 'x'], '0', undefined],
  ['an exclusive holder: to no permit', ['x', '2', 'x'], '0', undefined],
  ['a reader: to nobody', ['s', 'x'], '0', undefined],
  ['a holder of a permit: to nobody', ['1', 'x'], '0', undefined],
  ['a thief: to nobody', ['x', '!!'], '1', undefined],
  ['a holder that sees a thief: to nobody', ['x', 'x', '!'], '0', undefined],
  ['who waits: to nobody', ['x', 'x', 'x'], '1', undefined],
] as const)('hands over, %s', (_, kinds, own, next) => {
  const { entries } = queue(...kinds);
  const found = entries.find(({ key }) => key === own);
  if (found === undefined) throw new Error('not in the queue');
  const others = behind(entries, found);
  expect(nextOf({ behind: others, doubtful: false })?.key).toBe(next);
  expect(nextOf({ behind: others, doubtful: true })).toBeUndefined();
});

test('a key says of a request what the rule needs, whatever the name', () => {
  for (const name of ['a', 'a/b', '..', '%', '=2F', 'ü/!x.x', 'a.p3', '\n', ' ', '💥'.repeat(200)]) {
    const prefix = queueOf('p/', name);
    expect(nameOf('p/', prefix)).toBe(name);
    expect(prefix).toMatch(/^p\/queue\/[\w=-]+\/$/);
    const key = requestKey(prefix, 'id-1', { mode: 'semaphore', permits: 7, thief: false });
    expect(parseRequestKey(key)).toEqual({ queue: prefix, thief: false, mode: 'semaphore', permits: 7 });
    const thief = requestKey(prefix, 'id', { mode: 'exclusive', thief: true });
    expect(parseRequestKey(thief)).toEqual({ queue: prefix, thief: true, mode: 'exclusive' });
  }
});
