// Holds a lock until it is killed: `node holder.js <url> <name> <ttl in ms>`.
import { createLocks } from '@holdfast/core';

const [url, name, ttl] = process.argv.slice(2);
const locks = await createLocks(url);
await locks.acquire(name, { ttl: Number(ttl) });
process.stdout.write('held\n');
