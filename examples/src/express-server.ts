/**
 * The route at work: documents in an object store, whose number of changes each PUT adds one to.
 *
 *     STORE_URL=http://localhost:9000 node dist/express-server.js
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createLocks } from '@holdfast/core';
import type { Lock } from '@holdfast/core';
import { documents } from './express-route.ts';
import { claim } from './fenced-object.ts';

const { HOLDFAST_URL = 'file:./locks', STORE_URL = 'http://localhost:9000', PORT = '0', WAIT = '5s' } = process.env;

const locks = await createLocks(HOLDFAST_URL);
const app = documents(locks, count, WAIT);

async function count(id: string, lock: Lock): Promise<object> {
  const document = await claim<{ changes: number }>(`${STORE_URL}/documents/${encodeURIComponent(id)}`, lock);
  const next = { changes: (document.value?.changes ?? 0) + 1 };
  await document.save(next);
  return next;
}

const server = app.listen(Number(PORT), '127.0.0.1');
await once(server, 'listening');
console.log(`listening on port ${(server.address() as AddressInfo).port}`);

// Requests under way are served, then nothing keeps the process.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => server.close(() => void locks.close()));
