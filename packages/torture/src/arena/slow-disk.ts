import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { ServerName } from '@holdfast/testbed';

/** How strace says that it traces by now. */
const ATTACHED = /attached/;
/**
 * The servers that wait for their disk, and the arguments that make them do so: the testbed's need not outlive the machine. Redis does by the strictest
 * of its policies. Kafka never does; ZooKeeper would by a property that is no argument.
 */
export const flushing: Readonly<Partial<Record<ServerName, readonly string[]>>> = {
  consul: [],
  etcd: ['--unsafe-no-fsync=false'],
  mysql: ['--innodb-flush-log-at-trx-commit=1'],
  postgres: ['-c', 'fsync=on'],
  rabbitmq: [],
  redis: ['--appendfsync', 'always'],
};

const FLUSHES = 'fsync,fdatasync,sync_file_range,msync';

/**
 * Makes every flush to disk of a server take longer, by tracing it: `strace --inject=…:delay_enter`, see strace(1). It works for any program, also
 * where libfaketime can't reach. All system calls of the server are somewhat slower meanwhile.
 */
export class SlowDisk {
  readonly #pid: () => number | undefined;
  #tracer: ChildProcess | undefined;

  private constructor(pid: () => number | undefined) {
    this.#pid = pid;
  }

  /** `undefined` where strace is not installed, or may not trace. `pid` gives the server's process, which may be another one each time. */
  static async find(pid: () => number | undefined): Promise<SlowDisk | undefined> {
    const traced = promisify(execFile)('strace', ['-f', '-e', 'trace=fsync', 'true']);
    return await traced.then(
      () => new SlowDisk(pid),
      () => undefined,
    );
  }

  /** Resolves when the server is traced. Each flush takes `delayMs` longer from now on. */
  async begin(delayMs: number): Promise<void> {
    const pid = this.#pid();
    if (pid === undefined) return;
    const tree = await treeOf(pid);
    const what = ['-e', `trace=${FLUSHES}`, '-e', `inject=${FLUSHES}:delay_enter=${delayMs * 1000}`];
    const tracer = spawn('strace', ['-f', ...what, ...tree.flatMap((one) => ['-p', String(one)])], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#tracer = tracer;
    const ended = once(tracer, 'exit');
    const attached = new Promise<void>((resolve) => {
      tracer.stderr.on('data', (text: Buffer) => ATTACHED.test(text.toString()) && resolve());
    });
    await Promise.race([attached, ended]);
  }

  async end(): Promise<void> {
    const tracer = this.#tracer;
    this.#tracer = undefined;
    if (tracer === undefined || tracer.exitCode !== null || tracer.signalCode !== null) return;
    const ended = once(tracer, 'exit');
    // It lets go of the server.
    tracer.kill('SIGTERM');
    await ended;
  }
}

/** A server may work in many processes. */
async function treeOf(pid: number): Promise<number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  const below = await Promise.all(
    children
      .split(' ')
      .filter(Boolean)
      .map((child) => treeOf(Number(child))),
  );
  return [pid, ...below.flat()];
}
