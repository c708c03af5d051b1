import { NoAnswerError } from './errors.ts';

/** `work`, or a `NoAnswerError` after so many ms. */
export function within<T>(work: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new NoAnswerError(`no answer within ${ms} ms`)), ms).unref();
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
