import type { RunningServer } from '../server.ts';
import type { Reply } from './resp.ts';

type Ask = (member: RunningServer, ...command: readonly string[]) => Promise<Reply>;

/** So many keys go in one step. */
const STEP = '100';
const TIMEOUT_MS = '30000';

interface Owner {
  readonly host: string;
  readonly port: number;
}

export interface Slots {
  readonly complete: boolean;
  /** Of the master that has the fewest. */
  readonly replicas: number;
  owner(slot: number): Owner | undefined;
}

/** Who serves which slots, as `member` sees it. */
export async function slotsOf(member: RunningServer, ask: Ask): Promise<Slots> {
  const ranges = ((await ask(member, 'CLUSTER', 'SLOTS')) as Reply[][]).map(([from, to, master, ...replicas]) => {
    const [host = '', port] = master as string[];
    return { from: Number(from), to: Number(to), owner: { host, port: Number(port) }, replicas: replicas.length };
  });
  return {
    replicas: Math.min(...ranges.map(({ replicas }) => replicas)),
    complete: ranges.reduce((sum, { from, to }) => sum + to - from + 1, 0) === 16_384,
    owner: (slot) => ranges.find(({ from, to }) => from <= slot && slot <= to)?.owner,
  };
}

/** As the manual has it: https://redis.io/docs/latest/commands/cluster-setslot/ */
export async function moveSlot(
  slot: number,
  to: RunningServer,
  members: readonly RunningServer[],
  ask: Ask,
  password: string | undefined,
): Promise<void> {
  const { port } = (await slotsOf(to, ask)).owner(slot) ?? {};
  const from = members.find((member) => member.port === port);
  if (from === undefined || from === to) return;
  await beginMove(slot, from, to, ask);
  await moveKeys(slot, from, to, ask, password);
  await endMove(slot, from, to, members, ask);
}

export async function beginMove(slot: number, from: RunningServer, to: RunningServer, ask: Ask): Promise<void> {
  const [source, target] = await Promise.all(
    [from, to].map(async (member) => String(await ask(member, 'CLUSTER', 'MYID'))),
  );
  await ask(to, 'CLUSTER', 'SETSLOT', `${slot}`, 'IMPORTING', source ?? '');
  await ask(from, 'CLUSTER', 'SETSLOT', `${slot}`, 'MIGRATING', target ?? '');
}

export async function moveKeys(
  slot: number,
  from: RunningServer,
  to: RunningServer,
  ask: Ask,
  password: string | undefined,
): Promise<void> {
  const { hostname } = new URL(to.url);
  const secret = password === undefined ? [] : ['AUTH', password];
  for (;;) {
    const keys = (await ask(from, 'CLUSTER', 'GETKEYSINSLOT', `${slot}`, STEP)) as string[];
    if (keys.length === 0) return;
    await ask(from, 'MIGRATE', hostname, `${to.port}`, '', '0', TIMEOUT_MS, ...secret, 'KEYS', ...keys);
  }
}

/** The new owner first, so that nobody is sent back. Replicas hear of it from their masters. */
export async function endMove(
  slot: number,
  from: RunningServer,
  to: RunningServer,
  members: readonly RunningServer[],
  ask: Ask,
): Promise<void> {
  const target = String(await ask(to, 'CLUSTER', 'MYID'));
  for (const member of [to, from, ...members.filter((other) => other !== to && other !== from)]) {
    const isMaster = String(await ask(member, 'ROLE').then((role) => role[0])) === 'master';
    if (isMaster) await ask(member, 'CLUSTER', 'SETSLOT', `${slot}`, 'NODE', target);
  }
}
