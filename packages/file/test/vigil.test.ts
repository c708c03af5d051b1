import type { QueueEntry, RequestMode } from '@holdfast/core/adapter';
import { expect, test } from 'vitest';
import { vigil } from '../src/vigil.ts';

const entry = (session: string, held: boolean, mode: RequestMode = 'exclusive'): QueueEntry => ({
  owner: `${session}/owner`,
  mode,
  ttlMs: 1000,
  client: { id: 'test', host: 'test', pid: 1 },
  since: 0,
  token: held ? 1n : undefined,
  expiresAt: held ? 5000 : Infinity,
});
const watched = (own: string, ...entries: QueueEntry[]): string[] | undefined => {
  const wanted = vigil({ token: 1n, time: 0, entries }, own);
  return wanted === undefined ? undefined : [...wanted.sessions].toSorted();
};

test('who does not wait watches nobody', () => {
  expect(watched('me')).toBeUndefined();
  expect(watched('me', entry('me', true))).toBeUndefined();
  expect(watched('me', entry('me', true), entry('other', false))).toBeUndefined();
});

test('the first waiter watches all holders', () => {
  expect(watched('me', entry('h', true), entry('me', false))).toEqual(['h']);
  expect(watched('me', entry('h', true, 'shared'), entry('i', true, 'shared'), entry('me', false))).toEqual(['h', 'i']);
});

test('the others watch the one just ahead, and nobody watches itself', () => {
  expect(watched('me', entry('h', true), entry('w', false), entry('me', false))).toEqual(['w']);
  expect(watched('me', entry('h', true), entry('w', false), entry('me', false), entry('me', false))).toEqual(['w']);
  expect(watched('me', entry('me', true), entry('me', false))).toEqual([]);
});

test('the first waiter looks at the expiry itself, those behind it later', () => {
  const entries = [entry('h', true), entry('w', false), entry('me', false)];
  expect(vigil({ token: 1n, time: 0, entries }, 'w')?.at).toBe(5000);
  expect(vigil({ token: 1n, time: 0, entries }, 'me')?.at).toBe(5010);
});
