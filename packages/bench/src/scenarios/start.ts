import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { nowMs } from '../clock.ts';
import { freshName } from '../scenario.ts';
import type { Scenario } from '../scenario.ts';

const program = fileURLToPath(new URL('../start.js', import.meta.url));
const run = promisify(execFile);
const LIMIT_MS = 60_000;

/** What a command line tool waits for: Node's own start, the libraries, the connection, the lock. */
export const start: Scenario = {
  id: 'start',
  title: 'From the start of a process to its first lock',
  unit: 'ms',
  better: 'less',
  enter(contender, { backend, url }) {
    return Promise.resolve({
      name: contender.role === 'raw' ? `the start with ${contender.name}` : contender.name,
      async measure() {
        const startedAt = nowMs();
        const args = [program, backend, contender.name, url, freshName()];
        const { stdout } = await run(process.execPath, args, { timeout: LIMIT_MS });
        return Number(stdout) - startedAt;
      },
      close: () => Promise.resolve(),
    });
  },
};
