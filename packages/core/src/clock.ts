/** Milliseconds of this process's monotonic clock. Only differences mean anything; wall-clock steps do not touch it. */
export function monotonicMs(): number {
  return performance.now();
}
