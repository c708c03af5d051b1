/**
 * Collects what is asked for within one turn of the event loop and handles it with one call: the renewals of all leases
 * that are due now become one round trip.
 *
 * `handle` gets the items and answers with one result each, in order; if it rejects, all of them reject.
 */
export function batched<T, R>(handle: (items: readonly T[]) => Promise<readonly R[]>): (item: T) => Promise<R> {
  let waiting: { item: T; resolve: (result: R) => void; reject: (error: unknown) => void }[] = [];

  const flush = async (): Promise<void> => {
    const batch = waiting;
    waiting = [];
    try {
      const results = await handle(batch.map((entry) => entry.item));
      batch.forEach((entry, i) => entry.resolve(results[i] as R));
    } catch (error) {
      for (const entry of batch) entry.reject(error);
    }
  };

  return (item) =>
    new Promise<R>((resolve, reject) => {
      // setImmediate, not a microtask: timers that are due together run before it, each with its own microtasks.
      if (waiting.length === 0) setImmediate(() => void flush());
      waiting.push({ item, resolve, reject });
    });
}
