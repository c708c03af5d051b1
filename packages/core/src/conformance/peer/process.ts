/** The main script of a second process: calls and replies go over the IPC channel. */
import type { Call } from './protocol.ts';
import { serve } from './serve.ts';

let left = false;

const answer = serve({
  send: (reply) => {
    if (process.connected) process.send?.(reply);
  },
  leave: () => {
    left = true;
    // After the reply is on its way.
    setImmediate(() => process.disconnect());
  },
});

process.on('message', (call) => answer(call as Call));
// A peer never outlives the suite that started it.
process.on('disconnect', () => {
  if (!left) process.exit();
});
