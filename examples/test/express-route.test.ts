import { randomUUID } from 'node:crypto';
import { createLocks } from '@holdfast/core';
import type { Locks } from '@holdfast/core';
import { sharedServer } from '@holdfast/testbed';
import { expect, test } from 'vitest';
import { documents } from '../dist/express-route.js';
import { objectStore } from '../dist/object-store.js';
import { listening, serve } from './listening.ts';
import { Program, scratch } from './program.ts';
import type { Scope } from './program.ts';

const holdfastUrl = process.env['HOLDFAST_URL'] ?? (await sharedServer('redis')).url;

/** Of a condition that is only waited for. */
const SOON = { timeout: 20_000 };

test('twenty changes of one document by two servers: each builds upon the one before', async (scope) => {
  const store = `http://127.0.0.1:${await listening(scope, objectStore())}`;
  const setting = { env: { HOLDFAST_URL: holdfastUrl, STORE_URL: store, WAIT: '1m' }, cwd: await scratch(scope) };
  const servers = [1, 2].map(() => new Program(scope, 'express-server', setting));
  const ports = await Promise.all(servers.map(async (server) => (await server.line(/port/)).split(' ').at(-1)));
  const id = randomUUID();
  const put = async (port = ''): Promise<number> => {
    const response = await fetch(`http://127.0.0.1:${port}/documents/${id}`, { method: 'PUT' });
    expect(response.status).toBe(200);
    return ((await response.json()) as { changes: number }).changes;
  };
  const changes = await Promise.all(Array.from({ length: 20 }, (_, index) => put(ports[index % 2])));
  expect(changes.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
  expect(await Promise.all(servers.map((server) => server.kill('SIGTERM')))).toEqual([0, 0]);
});

test('who waits too long is answered 423; another document is served meanwhile', async (scope) => {
  const { put, gate, locks } = await application(scope, '2s');
  const [busy, other] = [randomUUID(), randomUUID()];
  const lock = await locks.acquire(`document:${busy}`);
  const waiting = put(busy);
  gate(other).open();
  expect((await put(other)).status).toBe(200);
  const refused = await waiting;
  expect([refused.status, refused.headers.get('retry-after'), gate(busy).visits]).toEqual([423, '1', 0]);
  await lock.release();
  gate(busy).open();
  expect((await put(busy)).status).toBe(200);
});

test('the wait of a client that has disconnected ends; who comes after it does not wait for it', async (scope) => {
  const { put, gate, locks } = await application(scope, '10s');
  const id = randomUUID();
  const first = put(id);
  await gate(id).entered;
  const client = new AbortController();
  const gone = put(id, client.signal);
  const waiting = async (): Promise<number> => (await locks.query(`document:${id}`)).pending.length;
  await expect.poll(waiting, SOON).toBe(1);
  client.abort(new Error('gone'));
  await expect(gone).rejects.toThrow('gone');
  await expect.poll(waiting, SOON).toBe(0);
  const third = put(id);
  gate(id).open();
  expect([(await first).status, (await third).status]).toEqual([200, 200]);
  expect(gate(id).visits).toBe(2);
});

/** Changes of one document that stay inside until the gate is opened. */
class Gate {
  visits = 0;
  readonly entered: Promise<void>;
  readonly #opened: Promise<void>;
  #enter: () => void = () => undefined;
  open: () => void = () => undefined;

  constructor() {
    this.entered = new Promise((resolve) => (this.#enter = resolve));
    this.#opened = new Promise((resolve) => (this.open = resolve));
  }

  async pass(): Promise<object> {
    this.visits += 1;
    this.#enter();
    await this.#opened;
    return {};
  }
}

interface Application {
  readonly locks: Locks;
  readonly gate: (id: string) => Gate;
  put(id: string, signal?: AbortSignal): Promise<Response>;
}

async function application(scope: Scope, timeout: string): Promise<Application> {
  const locks = await createLocks(holdfastUrl);
  scope.onTestFinished(() => locks.close());
  const gates = new Map<string, Gate>();
  const gate = (id: string): Gate => {
    const found = gates.get(id) ?? new Gate();
    gates.set(id, found);
    return found;
  };
  const port = await serve(
    scope,
    documents(locks, (id) => gate(id).pass(), timeout),
  );
  const put = (id: string, signal: AbortSignal | null = null): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}/documents/${id}`, { method: 'PUT', signal });
  return { locks, gate, put };
}
