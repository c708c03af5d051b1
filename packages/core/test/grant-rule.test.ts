import * as fc from 'fast-check';
import { grantedCount } from '@holdfast/core/adapter';
import type { Place } from '@holdfast/core/adapter';
import { expect, test } from 'vitest';

const place: fc.Arbitrary<Place> = fc.oneof(
  fc.constant({ mode: 'exclusive' as const }),
  fc.constant({ mode: 'shared' as const }),
  fc.record({ mode: fc.constant('semaphore' as const), permits: fc.integer({ min: 1, max: 4 }) }),
);
const queue = fc.array(place, { maxLength: 12 });

/** The table of the rule, word for word: does the request at `index` hold? */
function holds(places: readonly Place[], index: number): boolean {
  const own = places[index] as Place;
  const ahead = places.slice(0, index);
  if (!ahead.every((_, i) => holds(places, i))) return false;
  if (own.mode === 'exclusive') return ahead.length === 0;
  if (own.mode === 'shared') return ahead.every(({ mode }) => mode === 'shared');
  return ahead.every(({ mode }) => mode === 'semaphore') && ahead.length < (own.permits as number);
}

test('those at the front that the table lets in hold, and nobody else', () => {
  fc.assert(
    fc.property(queue, (places) => {
      expect(grantedCount(places)).toBe(places.filter((_, index) => holds(places, index)).length);
    }),
    { numRuns: 2000 },
  );
});

test('a hold stays one whoever leaves the queue', () => {
  fc.assert(
    fc.property(queue, fc.nat(), (places, leaver) => {
      const count = grantedCount(places);
      const gone = places.length === 0 ? 0 : leaver % places.length;
      const rest = places.filter((_, index) => index !== gone);
      expect(grantedCount(rest)).toBeGreaterThanOrEqual(gone < count ? count - 1 : count);
    }),
    { numRuns: 2000 },
  );
});

test('who comes later changes nothing for those who are there', () => {
  fc.assert(
    fc.property(queue, queue, (places, later) => {
      const before = grantedCount(places);
      const after = grantedCount([...places, ...later]);
      expect(Math.min(after, places.length)).toBe(before);
    }),
  );
});

test.each<[string, Place[], number]>([
  ['nobody', [], 0],
  ['an exclusive request alone', [{ mode: 'exclusive' }, { mode: 'exclusive' }], 1],
  [
    'shared requests up to the first exclusive one',
    [{ mode: 'shared' }, { mode: 'shared' }, { mode: 'exclusive' }, { mode: 'shared' }],
    2,
  ],
  ['as many of a semaphore as it has permits', Array.from({ length: 5 }, () => ({ mode: 'semaphore', permits: 3 })), 3],
  ['no shared request beside a semaphore', [{ mode: 'semaphore', permits: 3 }, { mode: 'shared' }], 1],
  [
    'nobody past a request with fewer permits that must wait',
    [
      { mode: 'semaphore', permits: 5 },
      { mode: 'semaphore', permits: 1 },
      { mode: 'semaphore', permits: 5 },
    ],
    1,
  ],
])('lets in %s', (_who, places, count) => {
  expect(grantedCount(places)).toBe(count);
});
