/** A program that takes a lock: `start.js <backend> <contender> <url> <name>` prints the time of the grant (`nowMs`), gives it back and ends. */
import { contendersOf } from './backends.ts';
import type { BackendName } from './backends.ts';
import { nowMs } from './clock.ts';
import { DEFAULT_TTL_MS } from './contender.ts';

// No client keeps it alive while it connects.
setInterval(() => undefined, 60_000);
const [backend, wanted, url = '', lock = ''] = process.argv.slice(2);
const contender = (await contendersOf(backend as BackendName)).find(({ name }) => name === wanted);
if (contender === undefined) throw new Error(`${backend} has no contender ${wanted}`);
const client = await contender.open(url, DEFAULT_TTL_MS);
const release = await client.acquire(lock);
process.stdout.write(`${nowMs()}\n`);
await release();
await client.close();
// Some clients would keep it alive.
process.exit();
