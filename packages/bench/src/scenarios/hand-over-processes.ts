import { setTimeout as sleep } from 'node:timers/promises';
import type { Arena } from '../arena.ts';
import { DEFAULT_TTL_MS } from '../contender.ts';
import type { Contender } from '../contender.ts';
import { HOLD_MS, relayOf } from '../handed-over.ts';
import type { Relay } from '../handed-over.ts';
import type { Entrant } from '../interleave.ts';
import { enterAll } from '../line.ts';
import { LISTENING_MS } from '../notified.ts';
import type { Process } from '../processes/processes.ts';
import type { Hold } from '../processes/tasks.ts';
import { freshName } from '../scenario.ts';
import type { Scenario } from '../scenario.ts';
import { settled } from '../settled.ts';
import { median } from '../stats.ts';

/** The waiters are spread over so many; the first holder is in another one. */
const PROCESSES = 4;
const MANY = 100;

/** As `hand-over-N`, but from one process to another, on the clock that they share. */
export function handOverBetweenProcesses(waiters: number): Scenario {
  return {
    id: `hand-over-processes-${waiters}`,
    title: `From a release to the next holder in another process, ${waiters} waiting in ${PROCESSES} processes`,
    unit: 'ms, median of a slice',
    better: 'less',
    ...(waiters < MANY ? {} : { rounds: 5 }),
    async enter(contender, arena) {
      if (arena.backend === 'memory') return undefined;
      if (contender.role === 'raw') return await notification(contender, arena);
      return await between(contender, arena, relayOf(contender, waiters, arena.quick));
    },
  };
}

async function between(contender: Contender, arena: Arena, relay: Relay): Promise<Entrant> {
  const { backend, url } = arena;
  const [holder, ...others] = arena.processes.take(PROCESSES + 1) as [Process, ...Process[]];
  const opening = { backend, contender: contender.name, url, ttlMs: DEFAULT_TTL_MS, clients: 1 };
  const open = async (process: Process): Promise<Member> => ({ process, handle: await process.ask('open', opening) });
  const first = await open(holder);
  const members = await Promise.all(others.map(open));
  return {
    name: contender.name,
    async measure() {
      const times: number[] = [];
      while (times.length < relay.handOvers) {
        const found = await onOneName(first, members, relay);
        if (found.length === 0) throw new Error('No hand-over went to another process');
        times.push(...found);
      }
      return median(times);
    },
    close: () => Promise.all([first, ...members].map(({ process, handle }) => process.ask('close', { handle }))),
  };
}

interface Member {
  readonly process: Process;
  readonly handle: number;
}

async function onOneName(
  first: Member,
  members: readonly Member[],
  { waiters, handOvers, hasLine }: Relay,
): Promise<number[]> {
  const name = freshName();
  const grantedAt = await first.process.ask('acquire', { handle: first.handle, name });
  const enter = (place: number): Promise<void> | undefined => {
    const member = members[place % members.length];
    return member?.process.ask('wait', { handle: member.handle, name, waiters: 1, pauseMs: HOLD_MS });
  };
  const inLine = async (): Promise<number> => {
    const counts = await Promise.all(members.map(({ process }) => process.ask('inLine', { name })));
    return counts.reduce((sum, count) => sum + count, 0);
  };
  let releasedAt: number;
  try {
    await enterAll({ waiters, enter, count: hasLine ? inLine : undefined });
  } finally {
    // Whatever failed: the others do not wait for ever.
    releasedAt = await first.process.ask('release', { name });
  }
  const lists = await settled(members.map(({ process }) => process.ask('waited', { name })));
  return crossings([[{ grantedAt, releasedAt }], ...lists]).slice(0, handOvers);
}

/** How long it took from each hold to the next, where that was in another process. */
export function crossings(lists: readonly (readonly Hold[])[]): number[] {
  const holds = lists.flatMap((list, process) => list.map((hold) => ({ ...hold, process })));
  const inOrder = holds.toSorted((a, b) => a.grantedAt - b.grantedAt);
  return inOrder.flatMap((hold, i) => {
    const before = inOrder[i - 1];
    if (before === undefined) return [];
    if (hold.grantedAt < before.releasedAt) throw new Error('Two held the lock at once');
    return before.process === hold.process ? [] : [hold.grantedAt - before.releasedAt];
  });
}

async function notification(
  contender: Contender,
  { backend, url, quick, processes }: Arena,
): Promise<Entrant | undefined> {
  if (contender.notification === undefined) return undefined;
  const [sender, receiver] = processes.take(2) as [Process, Process];
  const opening = { backend, contender: contender.name, url };
  const from = { handle: await sender.ask('openSender', opening) };
  const to = { handle: await receiver.ask('openReceiver', opening) };
  const notify = async (): Promise<number> => {
    await sender.ask('arm', from);
    await receiver.ask('listen', to);
    await sleep(LISTENING_MS);
    const sentAt = await sender.ask('send', from);
    const took = (await receiver.ask('heard', to)) - sentAt;
    await receiver.ask('rest', to);
    return took;
  };
  return {
    name: 'notification',
    async measure() {
      const times: number[] = [];
      for (let i = 0; i < relayOf(contender, 1, quick).handOvers; i += 1) times.push(await notify());
      return median(times);
    },
    close: () => Promise.all([sender.ask('closeSender', from), receiver.ask('closeReceiver', to)]),
  };
}
