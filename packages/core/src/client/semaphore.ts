import type { IfAvailableOptions, Permitted, RequestOptions, AcquireOptions, TryAcquireOptions } from './options.ts';
import type { Lock } from './lock.ts';

/** The verbs of `Locks` with a name and a number of permits bound: at most that many holders at a time. */
export interface Semaphore {
  readonly name: string;
  readonly permits: number;
  request<T>(callback: (lock: Lock) => T): Promise<Awaited<T>>;
  request<T>(options: Permitted<IfAvailableOptions>, callback: (lock: Lock | null) => T): Promise<Awaited<T>>;
  request<T>(options: Permitted<RequestOptions>, callback: (lock: Lock) => T): Promise<Awaited<T>>;
  acquire(options?: Permitted<AcquireOptions>): Promise<Lock>;
  tryAcquire(options?: Permitted<TryAcquireOptions>): Promise<Lock | null>;
}
