import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findBinary } from '../sources/binary.ts';

const run = promisify(execFile);

/** In ms, for the connection and the answer. */
const TIMEOUT_MS = 5000;

/** How a node of Erlang is known to others. */
export interface ErlangNode {
  /** Of a loopback interface. */
  readonly address: string;
  /** The same for all nodes of a cluster. */
  readonly port: number;
  readonly cookie: string;
}

/** What `expression` gives on the node, as Erlang writes it. Rejects if the node can't be asked. */
export async function evaluate({ address, port, cookie }: ErlangNode, expression: string): Promise<string> {
  const binary = await findBinary('erl_call', 'erlang-base');
  // A random name: the node may not have heard yet that an earlier caller of the same name is gone.
  const args = ['-address', `${address}:${port}`, '-c', cookie, '-r', '-e'];
  const asked = run(binary, args, { timeout: TIMEOUT_MS, killSignal: 'SIGKILL' });
  // It reads nothing if it cannot connect, which `asked` tells.
  asked.child.stdin?.on('error', () => undefined);
  asked.child.stdin?.end(`${expression}.\n`);
  const { stdout } = await asked;
  const value = /^\{ok, ([^]*)\}\s*$/.exec(stdout)?.[1];
  if (value === undefined) throw new Error(`${expression} gave ${stdout}`);
  return value;
}
