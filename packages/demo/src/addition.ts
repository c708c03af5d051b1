/**
 * The work that the lock is for, a process of its own: read the counter, think, write it back. `node addition.js FILE`
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Between reading and writing, in ms. */
const PAUSE_MS = 100;
/** Written over the old number in one call, so that a reader never sees half of it: what goes wrong is lost, not torn. */
const DIGITS = 12;

const [, , path = ''] = process.argv;
const enteredAt = Date.now();
const value = Number(readFileSync(path, 'utf8')) + 1;
await delay(PAUSE_MS);
const file = openSync(path, 'r+');
writeSync(file, String(value).padStart(DIGITS), 0);
closeSync(file);
const token = process.env['HOLDFAST_FENCING_TOKEN'];
process.stdout.write(`${JSON.stringify({ enteredAt, leftAt: Date.now(), value, token })}\n`);
