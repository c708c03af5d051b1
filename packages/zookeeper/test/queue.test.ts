/** What can't be brought about on a server in a test's time: the end of the sequence numbers, and every place in a mixed queue. */
import { grantedCount } from '@holdfast/core/adapter';
import { describe, expect, test } from 'vitest';
import { lineOf } from '../src/queue/line.ts';
import { isExhausted, namePrefix, parseNode } from '../src/queue/node-name.ts';
import type { QueueNode } from '../src/queue/node-name.ts';
import { nameOf, segmentOf } from '../src/queue/paths.ts';
import { nodesOf, placeOf, victimsOf, viewOf } from '../src/queue/view.ts';
import type { View } from '../src/queue/view.ts';

const SESSION = '0100000000000001';

/** As the server appends it: `String.format("%010d", …)`. */
const sequenced = (sequence: number): string =>
  sequence < 0 ? `-${String(-sequence).padStart(9, '0')}` : String(sequence).padStart(10, '0');
const nodeName = (kind: string, sequence: number): string => `${kind}-owner-${SESSION}-${sequenced(sequence)}`;
const stat = { czxid: 1n, mzxid: 1n, ctime: 0, mtime: 0, version: 0 };
const nodesFrom = (...names: string[]): QueueNode[] => nodesOf({ names, stat }, '/holdfast/n');
const viewFrom = (...names: string[]): View => viewOf(nodesFrom(...names), 1n);

describe('sequence numbers', () => {
  const LAST = 2 ** 31 - 1;

  test('order the nodes, up to the last one', () => {
    const names = [8, 9, 10, LAST - 1].map((sequence) => nodeName('x', sequence));
    expect(viewFrom(...names.toReversed()).order.map(({ name }) => name)).toEqual(names);
  });

  test('that are used up are told from those that order', () => {
    const isUsedUp = (sequence: number): boolean => nodesFrom(nodeName('x', sequence)).some(isExhausted);
    expect([0, 1, LAST - 1].map(isUsedUp)).toEqual([false, false, false]);
    expect([LAST, -(2 ** 31), -1].map(isUsedUp)).toEqual([true, true, true]);
  });

  test('that are used up leave the order to the czxids', () => {
    const names = [LAST, LAST, LAST - 1, -(2 ** 31)].map((sequence, i) =>
      nodeName('x', sequence).replace('owner', `owner${i}`),
    );
    const view = viewOf(nodesFrom(...names), 1n, [30n, 20n, 10n, 40n]);
    expect(view.order.map(({ name }) => names.indexOf(name))).toEqual([2, 1, 0, 3]);
  });
});

describe('node names', () => {
  test('tell mode, permits and theft', () => {
    const request = { owner: 'a-b_C/é', permits: 7 };
    for (const [mode, steal] of [
      ['exclusive', false],
      ['exclusive', true],
      ['shared', false],
      ['semaphore', false],
    ] as const) {
      const name = `${namePrefix({ ...request, mode, steal } as Parameters<typeof namePrefix>[0], SESSION)}0000000042`;
      expect(name).not.toContain('/');
      expect(parseNode(name)).toMatchObject({
        mode,
        steal,
        sequence: 42,
        ...(mode === 'semaphore' ? { permits: 7 } : {}),
      });
    }
  });

  test('that are not ours stop the queue rather than being overlooked', () => {
    for (const name of ['lock-0000000001', 'x-owner-0000000001', 'p0-owner-0100000000000001-0000000001']) {
      expect(() => viewFrom(name)).toThrow(/did not make/);
    }
  });
});

test('lock names become single path segments that ZooKeeper takes, each its own', () => {
  const names = [
    'a',
    'A',
    'a/b',
    'a%2Fb',
    '.',
    '..',
    '...',
    '%2E',
    'é',
    'e\u0301',
    '😀',
    ' ',
    'a b',
    '\u0001',
    'zookeeper',
    'x'.repeat(1024),
  ];
  const segments = names.map(segmentOf);
  expect(new Set(segments).size).toBe(names.length);
  for (const [i, segment] of segments.entries()) {
    expect(segment).toMatch(/^(?!\.{1,2}$)[\w.!~*'()%-]+$/);
    expect(nameOf(segment)).toBe(names[i]);
  }
});

describe('what a request watches', () => {
  const place = (kinds: string, at: number): unknown => {
    const names = kinds.split(' ').map((kind, i) => nodeName(kind, i));
    const result = placeOf(names[at] ?? '', viewFrom(...names));
    return result.type === 'behind' ? `${names.indexOf(result.node.name)} ${result.until}` : result.type;
  };

  test.each([
    ['x x x', 2, '1 gone'],
    ['s s s', 2, 'held'],
    ['s x s s', 3, '1 gone'],
    ['x s s', 2, '0 gone'],
    ['s s x', 2, '1 gone'],
    ['p2 p2 p2', 2, 'next'],
    ['p2 p2 p2 p2', 3, '2 granted'],
    ['p2 p2 x p2', 3, '2 gone'],
    ['p2 p1 p2', 2, '1 granted'],
    ['x p2', 1, '0 gone'],
    ['p2 s', 1, '0 gone'],
    // A thief is ahead of all, wherever it entered.
    ['x x t', 2, 'held'],
    ['x x t', 0, '2 gone'],
    ['x x t', 1, '0 gone'],
    ['s s t s', 0, '2 gone'],
  ])('%s: number %i waits for %s', (kinds, at, expected) => {
    expect(place(kinds, at)).toBe(expected);
  });

  test('nobody who waits is without something to wait for, and nobody who holds waits', () => {
    const kinds = ['x', 's', 'p1', 'p2', 'p3', 't'];
    for (let code = 0; code < kinds.length ** 4; code += 1) {
      const names = [0, 1, 2, 3].map((i) =>
        nodeName(kinds[Math.floor(code / kinds.length ** i) % kinds.length] ?? '', i),
      );
      const view = viewFrom(...names);
      const count = grantedCount(view.order);
      for (const [i, node] of view.order.entries()) {
        const result = placeOf(node.name, view);
        expect(result.type === 'held').toBe(i < count);
        if (result.type === 'behind')
          expect(view.order.findIndex(({ name }) => name === result.node.name)).toBeLessThan(i);
        if (result.type === 'next') expect(i).toBe(count);
      }
    }
  });
});

describe('who may hold as soon as the one ahead is gone', () => {
  /** `x!` is of another session than `x`. */
  const line = (kinds: string, czxid = 2n): unknown => {
    const names = kinds
      .split(' ')
      .map((kind, i) =>
        nodeName(kind.replace('!', ''), i).replace(SESSION, kind.includes('!') ? 'f'.repeat(16) : SESSION),
      );
    const found = lineOf({ name: names.at(-1) ?? '', czxid }, viewFrom(...names));
    return found && [found.ahead, found.beyond].map((node) => (node === undefined ? -1 : names.indexOf(node.name)));
  };

  test.each([
    ['x x!', [0, -1]],
    ['x! x! x', [1, 0]],
    ['x x x! x', [2, 1]],
    ['s x! x', [1, 0]],
    // A thief is ahead of all.
    ['x! t x', [0, 1]],
    ['t x!', [0, -1]],
  ])('%s: the last one watches those at %j', (kinds, expected) => {
    expect(line(kinds)).toEqual(expected);
  });

  test.each(['x', 'x x', 'x! x x', 's x!', 'p2 x!', 'x s!', 'x p2!'])('%s: not the last one', (kinds) => {
    expect(line(kinds)).toBeUndefined();
  });

  test('nobody whose token must be a later transaction', () => {
    expect(line('x x!', 1n)).toBeUndefined();
  });
});

test('a thief takes from those who may hold, and from no other', () => {
  const names = (kinds: string): string[] => kinds.split(' ').map((kind, i) => nodeName(kind, i));
  const victims = (kinds: string, settled?: number): number[] => {
    const all = names(kinds);
    return victimsOf(all.at(-1) ?? '', viewFrom(...all), settled === undefined ? '' : (all[settled] ?? '')).map(
      ({ sequence }) => sequence,
    );
  };
  expect(victims('x x t')).toEqual([0]);
  expect(victims('s s x t')).toEqual([0, 1]);
  expect(victims('p2 p2 p2 t')).toEqual([0, 1]);
  // An earlier thief that has the lock: those before it only wait.
  expect(victims('x t t', 1)).toEqual([1]);
  // One that may not have got it yet: who it steals from may still hold.
  expect(victims('x t t')).toEqual([1, 0]);
  expect(victims('t')).toEqual([]);
});
