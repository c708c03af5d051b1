import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Cells } from '../src/shared/cells.ts';
import type { Seen } from '../src/shared/cells.ts';
import { BUCKETS, Layout, makeSpace, NO_REGION, spareIndex } from '../src/shared/layout.ts';
import { leavePlace, takePlace } from '../src/shared/places.ts';

const BACKENDS = 6;

function open(backends = BACKENDS) {
  const layout = new Layout(makeSpace({ backends, bucketBytes: 4096 }));
  const attach = (): Cells => new Cells(layout, takePlace(layout));
  return { layout, attach };
}

/** A value that shows when it is torn: its length and every byte depend on n. */
function valueOf(n: number): Buffer {
  const bytes = Buffer.alloc(4 + (n % 97) * 4, n % 251);
  bytes.writeUInt32LE(n);
  return bytes;
}

function numberOf({ bytes }: Seen): number {
  const n = bytes.length === 0 ? 0 : bytes.readUInt32LE(0);
  if (n > 0) expect(bytes).toEqual(valueOf(n));
  return n;
}

function regionsInUse(layout: Layout): number[] {
  const current = [...layout.words].map((word) => Number(word & 0xffffn));
  const spares = Array.from({ length: layout.backends }, (_, place) => layout.places[spareIndex(place)] ?? NO_REGION);
  return [...current, ...spares.filter((spare) => spare !== NO_REGION)];
}

describe('a bucket that several threads change', () => {
  test('counts every published change once, whatever the interleaving, and never uses a region twice', () => {
    const step = fc.record({
      who: fc.nat({ max: 3 }),
      bucket: fc.nat({ max: 1 }),
      act: fc.constantFrom('read', 'publish', 'publish', 'reopen', 'vanish' as const),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const { layout, attach } = open(64);
        const actors = Array.from({ length: 4 }, () => ({
          place: -1,
          cells: undefined as Cells | undefined,
          seen: [] as (Seen | undefined)[],
        }));
        const published = [0, 0];
        for (const { who, bucket, act } of steps) {
          const actor = actors[who]!;
          actor.cells ??= attach();
          const seen = actor.seen[bucket];
          if (act === 'read') actor.seen[bucket] = actor.cells.read(bucket);
          else if (act === 'publish' && seen !== undefined) {
            const isCurrent = numberOf(seen) === published[bucket];
            const won = actor.cells.publish(bucket, seen, valueOf(numberOf(seen) + 1));
            expect(won).toBe(isCurrent);
            if (won) published[bucket]! += 1;
          } else if (act === 'reopen' || act === 'vanish') {
            // A thread that vanishes keeps its place, and its seen values with it.
            actor.cells = undefined;
            actor.seen = [];
          }
          const regions = regionsInUse(layout);
          expect(new Set(regions).size).toBe(regions.length);
        }
        const reader = attach();
        expect([numberOf(reader.read(0)), numberOf(reader.read(1))]).toEqual(published);
      }),
      { numRuns: 200 },
    );
  });

  test('a value that came back is not taken for the one that was read before (ABA)', () => {
    const { attach } = open();
    const [slow, fast] = [attach(), attach()];
    expect(fast.publish(0, fast.read(0), valueOf(1))).toBe(true);
    const seen = slow.read(0);
    expect(fast.publish(0, fast.read(0), valueOf(2))).toBe(true);
    // The same bytes in the same region as `slow` saw.
    expect(fast.publish(0, fast.read(0), valueOf(1))).toBe(true);
    expect(fast.word(0) & 0xffffn).toBe(seen.word & 0xffffn);
    expect(slow.publish(0, seen, valueOf(9))).toBe(false);
    expect(numberOf(slow.read(0))).toBe(1);
  });

  test('a place is handed on with its spare region, and nothing else', () => {
    const { layout } = open(1);
    for (let round = 1; round <= 10; round += 1) {
      const place = takePlace(layout);
      const cells = new Cells(layout, place);
      expect(cells.publish(3, cells.read(3), valueOf(round))).toBe(true);
      cells.close();
      leavePlace(layout, place);
      expect(() => cells.publish(3, cells.read(3), valueOf(99))).toThrow('closed');
    }
    expect(new Set(regionsInUse(layout)).size).toBe(BUCKETS + 1);
  });

  test('a space has as many places as it was made with', () => {
    const { attach } = open(2);
    attach();
    attach();
    expect(attach).toThrow(/room for 2 backends.*`backends`/);
  });
});
