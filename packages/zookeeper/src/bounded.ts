import { BackendUnavailableError } from '@holdfast/core/adapter';

/**
 * `work`, but at most so many ms of it: then rejects with `BackendUnavailableError`. What `work` comes to later goes to `late`; that it fails later
 * matters to nobody.
 */
export function bounded<T>(work: Promise<T>, ms: number, late: (value: T) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      reject(new BackendUnavailableError(`ZooKeeper did not answer within ${ms} ms`));
    }, ms);
    timer.unref();
    work.then(
      (value) => {
        clearTimeout(timer);
        if (isLate) late(value);
        else resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error as Error);
      },
    );
  });
}
