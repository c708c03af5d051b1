/** In ms, to the ns. CLOCK_MONOTONIC on Linux: the same clock in all processes of a machine, which no correction of the time of day moves. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
