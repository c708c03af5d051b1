import { randomUUID } from 'node:crypto';
import { createLocks } from '@holdfast/core';
import { sharedServer } from '@holdfast/testbed';
import { expect, test } from 'vitest';
import { claim } from '../dist/fenced-object.js';
import type { Claimed } from '../dist/fenced-object.js';
import { objectStore } from '../dist/object-store.js';
import { listening } from './listening.ts';
import type { Scope } from './program.ts';
import { twoHosts } from './two-hosts.ts';

test('a write that was under way when its holder lost the lock is refused when it arrives', async (scope) => {
  const { answer, value } = await lateWrite(scope, (_, claimed) => claimed.save('older'));
  expect([answer, value]).toEqual([412, 'newer']);
});

test('without the condition it overwrites what the next holder has written', async (scope) => {
  const { answer, value } = await lateWrite(scope, (url) =>
    fetch(url, { method: 'PUT', body: JSON.stringify({ fence: '1', value: 'older' }) }),
  );
  expect([answer, value]).toEqual([200, 'older']);
});

test('a holder that is late learns it when it reads, and before that when it writes', async (scope) => {
  await using locks = await createLocks(process.env['HOLDFAST_URL'] ?? (await sharedServer('redis')).url);
  const url = `http://127.0.0.1:${await listening(scope, objectStore())}/object`;
  const name = `object:${randomUUID()}`;
  const first = await locks.acquire(name);
  const claimed = await claim<string>(url, first);
  await claimed.save('one');
  await claimed.save('two');
  await first.release();
  const second = await locks.acquire(name);
  expect((await claim<string>(url, second)).value).toBe('two');
  await expect(claimed.save('three')).rejects.toThrow('claimed by somebody newer');
  await expect(claim(url, first)).rejects.toThrow('has a newer token');
  await second.release();
});

/** Of a condition that is only waited for. */
const SOON = { timeout: 20_000 };

type Write = (url: string, claimed: Claimed<string>) => Promise<unknown>;

/** What the store answered to the older holder's write, which arrives last, and what it then has. */
async function lateWrite(scope: Scope, write: Write): Promise<{ answer: number | undefined; value: unknown }> {
  const store = objectStore();
  const answers: number[] = [];
  store.on('request', (_, response) => response.on('finish', () => answers.push(response.statusCode)));
  const port = await listening(scope, store);
  const { lost, resource, cutOff, next, restore } = await twoHosts(scope, { host: '127.0.0.1', port });
  const url = (at: number): string => `http://127.0.0.1:${at}/object`;

  const claimed = await claim<string>(url(resource.port), lost);
  cutOff();
  expect(lost.held).toBe(true);
  // How its caller sees it end depends on when its signal aborts; what counts is what the store says.
  const writing = Promise.allSettled([write(url(resource.port), claimed)]);
  const lock = await next();
  expect(lost.held).toBe(false);
  await (await claim<string>(url(port), lock)).save('newer');

  const before = answers.length;
  await restore();
  await expect.poll(() => answers.length, SOON).toBe(before + 1);
  await writing;
  const { value } = (await (await fetch(url(port))).json()) as { value: unknown };
  return { answer: answers[before], value };
}
