import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { BrokerClock } from '../src/broker-clock.ts';

test('a grant is never dated later than it was made, however long records and answers were under way, and though the clock was set back', () => {
  const step = fc.record({
    pass: fc.nat({ max: 3000 }),
    underWay: fc.nat({ max: 2000 }),
    back: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.nat({ max: 60_000 })),
    own: fc.boolean(),
    readLate: fc.nat({ max: 5000 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.double({ min: 0, max: 1, noNaN: true }), (list, fraction) => {
      const clock = new BrokerClock();
      let [real, ahead] = [100_000 + fraction, 1_800_000_000_000];
      for (const { pass, underWay, back, own, readLate } of list) {
        real += pass;
        ahead -= back;
        const appendedAt = Math.floor(real + ahead);
        if (own) clock.read(real - underWay, appendedAt);
        const dated = clock.earliest(appendedAt, real + readLate);
        if (dated !== undefined) expect(dated).toBeLessThanOrEqual(real);
      }
    }),
    { numRuns: 2000 },
  );
});

test('it dates to within the time that the last own record was under way', () => {
  const clock = new BrokerClock();
  clock.read(1000, 50_000);
  expect(clock.earliest(50_500, 1600)).toBeCloseTo(1493, 0);
  expect(clock.earliest(50_500, 1400)).toBeUndefined();
  expect(clock.earliest(90_000, 41_000)).toBeUndefined();
  clock.forget();
  expect(clock.earliest(50_500, 1600)).toBeUndefined();
});
