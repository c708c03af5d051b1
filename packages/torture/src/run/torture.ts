import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Capabilities } from '@holdfast/core';
import { startServer } from '@holdfast/testbed';
import { openArena } from '../arena/arena.ts';
import type { Arena } from '../arena/arena.ts';
import { FakeClock } from '../arena/fake-clock.ts';
import { Network } from '../arena/network.ts';
import type { Evidence } from '../check/check.ts';
import type { Terms } from '../check/violation.ts';
import { nowMicros } from '../clock.ts';
import { namesFor } from '../client/spec.ts';
import type { FromClient, NameSpec } from '../client/spec.ts';
import { Crew } from '../crew/crew.ts';
import { processHost } from '../crew/process-host.ts';
import { HISTORY_SUFFIX, readHistory } from '../history/read.ts';
import { HistoryWriter } from '../history/writer.ts';
import { unleash } from '../nemesis/nemesis.ts';
import { schedule } from '../nemesis/schedule.ts';
import type { Fault } from '../nemesis/schedule.ts';
import { clientClock, possibleKinds, victimsOf } from '../nemesis/victims.ts';
import { openLocks } from '../open-locks.ts';
import { Registers } from '../register/registers.ts';
import { findLeftovers } from './leftovers.ts';
import { takeoverFor, termsFor, ttlFor } from './terms.ts';

/** Requests of one client that are under way at a time. */
const LANES = 2;
/** By so much the faults may be over later than was planned, in ms: what an end takes that is not slow. */
const LATE_MS = 2000;
/** Clients work undisturbed at first. */
const WARM_UP_MS = 1500;
/** For a client to close once nobody keeps it waiting, in ms: core's grace for a backend that does not answer, and more. */
const END_GRACE_MS = 10_000;

export interface TortureRun {
  readonly backend: string;
  readonly seed: string;
  readonly durationMs: number;
  readonly clients: number;
  /** See `TortureOptions`. */
  readonly failovers?: number | undefined;
  /** Empty; gets the history. */
  readonly directory: string;
  readonly signal: AbortSignal;
  readonly onFault: (fault: Fault) => void;
  readonly onProgress: (counts: FromClient) => void;
}

export interface Ordeal {
  readonly evidence: Evidence;
  readonly version: string;
  readonly capabilities: Capabilities;
  readonly faults: readonly Fault[];
}

/** Puts one backend through its faults, and brings back what was seen. */
export async function torture(run: TortureRun): Promise<Ordeal> {
  await mkdir(run.directory, { recursive: true });
  await using arena = await openArena(run.backend, run.directory);
  if (run.failovers !== undefined && arena.failovers === undefined) throw new Error(`${run.backend} has no failovers`);
  await using registers = await startServer('redis');
  await using network = arena.network ? await Network.start(arena.url, run.clients) : undefined;
  // For looking, not through any proxy; and its manifest is the clients'.
  await using locks = await openLocks(arena.url);
  const { capabilities } = locks;
  const names = namesFor(capabilities, `torture ${run.seed}`);
  const clock = findClock(arena, run.directory);
  const faults = schedule({
    ...run,
    kinds: possibleKinds({ arena, clock }),
    takeoverMs: takeoverFor(capabilities),
    members: arena.members?.size ?? 0,
    serverStepMs: arena.serverClock?.mostMs ?? 0,
  });
  const terms = { ...termsFor(capabilities, run.clients * LANES), forgets: arena.forgets ?? false };
  const site: Site = { run, arena, network, clock, names, faults, terms, registersUrl: registers.url };
  const unended = await act(site, ttlFor(capabilities));
  const leftovers = await findLeftovers(locks, names, network, terms.ttlMs + terms.granularityMs + terms.slackMs);
  await using log = new Registers(registers.url);
  const register = await log.log();
  await writeFile(join(run.directory, 'register.json'), JSON.stringify(register));
  const evidence = {
    terms,
    events: await readHistory(run.directory),
    register,
    leftovers: [...unended, ...leftovers],
  };
  return { evidence, version: arena.version, capabilities, faults };
}

/** Threads of one process share its clock. */
export function findClock({ host }: Arena, directory: string): FakeClock | undefined {
  return host === processHost ? FakeClock.find(directory) : undefined;
}

interface Site {
  readonly run: TortureRun;
  readonly arena: Arena;
  readonly network: Network | undefined;
  readonly clock: FakeClock | undefined;
  readonly names: readonly NameSpec[];
  readonly faults: readonly Fault[];
  readonly terms: Terms;
  readonly registersUrl: string;
}

/** Work, faults, calm, stop. Resolves with the clients that did not end. */
async function act(site: Site, ttlMs: number): Promise<string[]> {
  const { run, faults, terms, clock } = site;
  const history = new HistoryWriter(join(run.directory, `run${HISTORY_SUFFIX}`));
  const crew = recruit(site, history, ttlMs);
  const progress = setInterval(() => run.onProgress(crew.counts), 1000);
  try {
    for (let client = 0; client < run.clients; client += 1) await clock?.step(clientClock(client), 0);
    // However long processes take to start: a run of which clients miss the most proves nothing.
    await crew.start();
    await sleep(WARM_UP_MS);
    const victims = victimsOf({ crew, ...site });
    await unleash({
      faults,
      untilMs: run.failovers === undefined ? run.durationMs + LATE_MS : Infinity,
      victims,
      history,
      signal: run.signal,
      onFault: run.onFault,
    });
    history.write({ type: 'calm', t: nowMicros() });
    // Long enough to see a name that stalls for longer than it may.
    await sleep(terms.ttlMs + terms.granularityMs + terms.slackMs + WARM_UP_MS);
    history.write({ type: 'stop', t: nowMicros() });
    return await crew.stop(terms.serveMs + END_GRACE_MS);
  } finally {
    clearInterval(progress);
    await site.arena.disk?.end();
    await crew.end();
    history.close();
  }
}

function recruit(
  { run, arena, network, clock, names, registersUrl }: Site,
  history: HistoryWriter,
  ttlMs: number,
): Crew {
  return new Crew({
    host: arena.host,
    size: run.clients,
    directory: run.directory,
    history,
    environment: (client) => clock?.environment(clientClock(client)) ?? {},
    spec: (client) => ({
      seed: run.seed,
      url: network?.url(client) ?? arena.url,
      registersUrl,
      names,
      ttlMs,
      lanes: LANES,
    }),
  });
}
