import { fork } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Body } from './body.ts';
import type { Reply } from './protocol.ts';

const entry = fileURLToPath(new URL('./process.js', import.meta.url));
const SHOWN_BYTES = 2000;

export function startProcess(): Body {
  // `advanced` clones bigints; no inherited flags: the debugger's port or a test runner's loader are not for two.
  const child = fork(entry, [], {
    serialization: 'advanced',
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let printed = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    printed = (printed + chunk.toString()).slice(-SHOWN_BYTES);
  });
  const gone = new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(`could not be started or told: ${error.message}`));
    child.on('close', (code, signal) =>
      resolve(`ended with ${signal ?? `code ${code}`}${printed === '' ? '' : `: ${printed}`}`),
    );
  });
  return {
    send: (call) => void child.send(call, () => undefined),
    onReply: (listener) => void child.on('message', (message) => listener(message as Reply)),
    kill: async () => {
      child.kill('SIGKILL');
      await gone;
    },
    freeze: async () => {
      child.kill('SIGSTOP');
      // The kernel stops its threads on their way out of it; there is nothing to wait for that works on every system.
      await delay(20);
    },
    thaw: () => void child.kill('SIGCONT'),
    gone,
  };
}
