import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { onFreePort } from '../src/port.ts';

test('a port that somebody takes before the server does is replaced by another', async () => {
  const thief = createServer();
  const tried: number[] = [];
  const port = await onFreePort(async (candidate) => {
    tried.push(candidate);
    if (tried.length > 1) return candidate;
    await new Promise<void>((resolve) => thief.listen(candidate, resolve));
    throw new Error('cannot bind');
  });
  expect(tried).toHaveLength(2);
  expect(port).not.toBe(tried[0]);
  thief.close();
});

test('a failure with another cause is passed on at once', async () => {
  let attempts = 0;
  const start = onFreePort(() => {
    attempts += 1;
    return Promise.reject(new Error('no memory'));
  });
  await expect(start).rejects.toThrow('no memory');
  expect(attempts).toBe(1);
});
