import type { Lease } from './lease.ts';

/**
 * For a request that is not to be renewed once it holds (`renew: false`): keeps its own session alive for as long as `work`, its wait,
 * takes, or it would lose its place after a ttl; and proves it once more at the end, because the ttl that nobody renews begins with the
 * grant. A renewal that fails is no failure of the wait: the lease ends at its deadline.
 */
export async function keptWhile<T>(lease: Lease, work: () => Promise<T>): Promise<T> {
  const renew = (): Promise<void> => lease.renew().then(undefined, () => undefined);
  const timer = setInterval(() => void renew(), lease.ttlMs / 3).unref();
  try {
    const result = await work();
    await renew();
    return result;
  } finally {
    clearInterval(timer);
  }
}
