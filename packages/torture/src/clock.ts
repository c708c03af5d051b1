/**
 * Microseconds of `CLOCK_MONOTONIC`, which is one clock for all processes and threads of a host: times of different
 * clients may be compared. (`performance.now()` counts from each process's own start, and wall clocks are stepped here.)
 */
export function nowMicros(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

export const MICROS_PER_MS = 1000;
