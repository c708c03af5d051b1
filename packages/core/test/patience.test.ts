import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { monotonicMs, Patience } from '@holdfast/core/adapter';

const MS = 30;
const make = (): Patience => new Patience(MS, () => new Error('too long'));

test('what is answered in time is not touched', async () => {
  const patience = make();
  await expect(patience.bound(Promise.resolve('answer'))).resolves.toBe('answer');
  await expect(patience.bound(Promise.reject(new Error('own')))).rejects.toThrow('own');
  expect(patience.pending).toBe(0);
});

test('what takes too long is given up, no earlier, and a value that comes then is handed over', async () => {
  const patience = make();
  const begun = monotonicMs();
  const late: string[] = [];
  const slow = delay(3 * MS, 'late');
  // Others that begin meanwhile have their own time, though one timer serves all.
  const next = delay(MS / 2).then(async () => {
    const at = monotonicMs();
    await expect(patience.bound(new Promise(() => undefined))).rejects.toThrow('too long');
    return monotonicMs() - at;
  });
  await expect(patience.bound(slow, (value) => late.push(value))).rejects.toThrow('too long');
  expect(monotonicMs() - begun).toBeGreaterThanOrEqual(MS - 1);
  expect(await next).toBeGreaterThanOrEqual(MS - 1);
  expect(late).toEqual([]);
  await slow;
  expect(late).toEqual(['late']);
  expect(patience.pending).toBe(0);
});
