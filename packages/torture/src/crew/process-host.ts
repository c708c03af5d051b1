import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { FromClient, ToClient } from '../client/spec.ts';
import type { ClientHost } from './client-host.ts';

const program = fileURLToPath(new URL('../client/process.js', import.meta.url));

/** Killed by SIGKILL, frozen by SIGSTOP. */
export const processHost: ClientHost = {
  start(spec, { output, environment, onCounts }) {
    const file = openSync(output, 'a');
    const child = spawn(process.execPath, [program, JSON.stringify(spec)], {
      env: { ...process.env, ...environment },
      stdio: ['ignore', file, file, 'ipc'],
    });
    closeSync(file);
    child.on('message', (counts) => onCounts(counts as FromClient));
    return {
      ended: new Promise((resolve, reject) => {
        child.once('error', reject);
        child.once('exit', (code, signal) => resolve(code === 0 ? undefined : (signal ?? `status ${code}`)));
      }),
      stop() {
        // It may end at this very moment.
        if (child.connected) child.send('stop' satisfies ToClient, () => undefined);
      },
      kill: () => void child.kill('SIGKILL'),
      freeze: () => void child.kill('SIGSTOP'),
      thaw: () => void child.kill('SIGCONT'),
    };
  },
};
