/** What a process knows of a queue without asking. */
import { expect, test } from 'vitest';
import { Lines } from '../src/lines.ts';
import { entriesOf } from '../src/queue.ts';
import type { Entry } from '../src/queue.ts';

const QUEUE = 'holdfast/queue/n/';
const key = (id: string): string => `${QUEUE}${id}.x`;
/** `a` was created first, and so on; a thief begins with `!`. */
const queue = (ids: string, modified = 0): Entry[] =>
  entriesOf(
    ids.split(' ').map((id) => {
      const created = id.replace('!', '').charCodeAt(0);
      return {
        ...{ Key: key(id), Value: null, Session: 's', Flags: 0 },
        ...{ CreateIndex: created, ModifyIndex: Math.max(created, modified) },
      };
    }),
  );
const behind = (lines: Lines, id: string): string[] => lines.behind(QUEUE, key(id)).map((entry) => entry.key);

test('those behind a request are told by a list with both, whoever was ahead of it then', () => {
  const lines = new Lines();
  lines.join(QUEUE);
  lines.saw(QUEUE, queue('a b c d'));
  expect(behind(lines, 'b')).toEqual([key('c'), key('d')]);
  expect(behind(lines, 'd')).toEqual([]);
  expect(behind(lines, 'e')).toEqual([]);
});

test('a thief in the list: nobody', () => {
  const lines = new Lines();
  lines.join(QUEUE);
  lines.saw(QUEUE, queue('a b c !d'));
  expect(behind(lines, 'b')).toEqual([]);
});

test('lists share what they have in common, but for what was written since', () => {
  const lines = new Lines();
  lines.join(QUEUE);
  const first = lines.saw(QUEUE, queue('a b'));
  const second = lines.saw(QUEUE, queue('a b c'));
  expect(second[0]).toBe(first[0]);
  expect(second).toEqual(queue('a b c'));
  const third = lines.saw(QUEUE, queue('a b c', 200));
  expect(third).toEqual(queue('a b c', 200));
});

test('all is forgotten with the last request', () => {
  const lines = new Lines();
  lines.join(QUEUE);
  lines.join(QUEUE);
  lines.saw(QUEUE, queue('a b'));
  lines.leave(QUEUE);
  expect(behind(lines, 'a')).toEqual([key('b')]);
  lines.leave(QUEUE);
  lines.join(QUEUE);
  expect(behind(lines, 'a')).toEqual([]);
});
