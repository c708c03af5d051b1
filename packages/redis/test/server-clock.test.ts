import { describe, expect, test } from 'vitest';
import { ServerClock } from '../src/server-clock.ts';

/** µs of the server's clock when the local one shows 0. */
const EPOCH = 1_700_000_000_000_000;
const server = (ms: number): number => EPOCH + ms * 1000;

/** A request that was sent at 1000, ran at 1010 and was answered. */
function reading(): ServerClock {
  const clock = new ServerClock();
  clock.read(1000, server(1010));
  return clock;
}

describe('the server clock', () => {
  test('dates a moment no later than it was, by at most the way of the request and 1 % of the time since', () => {
    const at = reading().earliest(server(3010), 3020) ?? Number.NaN;
    expect(at).toBeLessThanOrEqual(3010);
    expect(at).toBeGreaterThanOrEqual(3010 - 10 - 20.3);
  });

  test('dates a message that was long under way by its own time, not by that of its receipt', () => {
    expect(reading().earliest(server(3010), 9000)).toBeLessThanOrEqual(3010);
  });

  test('a clock that runs 1 % fast is within the bound', () => {
    expect(reading().earliest(server(1010) + 2000 * 1010, 3020)).toBeLessThanOrEqual(3010);
  });

  test('a step forward that puts the moment after its receipt is refused', () => {
    expect(reading().earliest(server(3010 + 500), 3020)).toBeUndefined();
  });

  test('a step back dates earlier, which is safe', () => {
    expect(reading().earliest(server(3010 - 5000), 3020)).toBeLessThan(0);
  });

  test('knows nothing before the first reading, after a reconnection, or by one that is too old', () => {
    const clock = reading();
    expect(clock.earliest(server(40_000), 40_010)).toBeUndefined();
    clock.forget();
    expect(clock.earliest(server(1020), 1030)).toBeUndefined();
    expect(new ServerClock().earliest(server(1), 2)).toBeUndefined();
  });

  test('the reading of the latest request counts, in whatever order the answers come', () => {
    const clock = new ServerClock();
    clock.read(2000, server(2000 + 100));
    clock.read(1000, server(1000));
    // After a step forward of 100 ms; by the older reading it would be dated 100 ms later.
    expect(clock.earliest(server(2500 + 100), 2600)).toBeLessThanOrEqual(2500);
  });
});
