import { expect, test } from 'vitest';
import { awaited, inOrder } from '../src/queue.ts';
import type { Entry } from '../src/queue.ts';
import { nameOf, parseRequestKey, queueOf, requestKey, under } from '../src/keys.ts';

/** `x` exclusive, `s` shared, `2` a permit of two, `!` who stole it; in the order of their creation. */
function entries(...kinds: string[]): Entry[] {
  return inOrder(
    kinds.map((kind, i) => {
      const mode = kind === 'x' || kind === '!' ? 'exclusive' : kind === 's' ? 'shared' : 'semaphore';
      const identity = { mode, permits: mode === 'semaphore' ? Number(kind) : undefined, thief: kind === '!' } as const;
      const place = {
        key: `${i}`,
        queue: 'q/',
        created: BigInt(i),
        modified: BigInt(i),
        lease: '1',
        value: Buffer.alloc(0),
      };
      return { ...identity, ...place };
    }),
  );
}

test.each([
  ['an exclusive request: the one ahead', ['x', 'x', 's', 'x'], '3', ['2'], 'gone'],
  ['a shared one: the nearest that is not shared', ['x', 'x', 's', 's'], '3', ['1'], 'gone'],
  ['the first to wait for a permit: all holders', ['2', '2', '2', '2'], '2', ['0', '1'], 'gone'],
  ['the next to wait for a permit: the one ahead, until it holds', ['2', '2', '2', '2'], '3', ['2'], 'changed'],
  ['a permit behind an exclusive holder: that one', ['x', '2'], '1', ['0'], 'gone'],
  ['a permit behind readers: the last of them', ['s', 's', '2'], '2', ['1'], 'gone'],
  ['who waited before a theft: the thief', ['x', 'x', '!'], '0', ['2'], 'gone'],
] as const)('%s', (_, kinds, own, watched, until) => {
  const queue = entries(...kinds);
  const result = awaited(
    queue,
    queue.findIndex(({ key }) => key === own),
  );
  expect(result.entries.map(({ key }) => key)).toEqual(watched);
  expect(result.until).toBe(until);
});

test('a key says of a request what the rule needs, whatever the name', () => {
  for (const name of ['a', 'a/b', '..', '%', 'ü/!x.x', 'a.p3', '\n']) {
    const queue = queueOf('p/', name);
    expect(nameOf('p/', queue)).toBe(name);
    const key = requestKey(queue, 'id-_1', { mode: 'semaphore', permits: 7, thief: false });
    expect(parseRequestKey(key)).toEqual({ queue, thief: false, mode: 'semaphore', permits: 7 });
    const thief = requestKey(queue, 'id', { mode: 'exclusive', thief: true });
    expect(parseRequestKey(thief)).toEqual({ queue, thief: true, mode: 'exclusive' });
  }
});

test("no name's range holds another's keys", () => {
  const names = ['a', 'a/', 'a/b', 'aa', 'a%2F', 'a%2Fb', 'A', '!a', 'a!'];
  for (const one of names) {
    const { key, range_end: end } = under(queueOf('p/', one));
    for (const other of names.filter((name) => name !== one)) {
      const inside = Buffer.from(`${queueOf('p/', other)}id.x`);
      expect(Buffer.compare(inside, key) >= 0 && Buffer.compare(inside, end) < 0).toBe(false);
    }
  }
});
