import { expect, test } from 'vitest';
import { nameOf, parseRequestKey, queueOf, requestKey } from '../src/keys.ts';
import { awaited, inOrder, victimsOf } from '../src/queue.ts';
import type { Entry } from '../src/queue.ts';

/**
 * `x` exclusive, `s` shared, `2` a permit of two, `!` who steals it, `!!` who has stolen it; in the order of their creation. With
 * `w` or `h`: of this process, waiting or holding.
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
