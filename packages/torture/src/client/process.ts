/**
 * A client in a process of its own: `node process.js <spec as JSON>`, with an IPC channel to the runner. When it is done
 * nothing may keep it alive: that it ends by itself shows that no socket and no timer was left.
 */
import { runClient } from './client.ts';
import type { ClientSpec, ToClient } from './spec.ts';

const stop = new AbortController();
process.on('message', (message: ToClient) => {
  if (message === 'stop') stop.abort();
});
// The runner is gone, and nobody would end this process any more.
process.on('disconnect', () => process.exit(1));

const spec = JSON.parse(process.argv[2] ?? '') as ClientSpec;
await runClient(spec, { stop: stop.signal, count: (counts) => process.send?.(counts) });
process.removeAllListeners('disconnect');
process.removeAllListeners('message');
process.disconnect();
