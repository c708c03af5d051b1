/** Several processes on one real directory, in every order of their system calls, with sleepers and deaths in between. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, test, vi } from 'vitest';
import { Log } from '../../src/log/log.ts';
import { kernelDisk } from '../../src/log/disk.ts';
import type { Disk } from '../../src/log/disk.ts';
import { Interleaving } from './interleaved-disk.ts';

const TTL_MS = 600_000;
const MAX_STEPS = 10_000;
const client = { id: 'test', host: 'test', pid: 1 };
const sessionOf = (process: number): string => `${process}-session`;

function logOf(process: number, directory: string, disk: Disk): Log {
  return new Log({
    directory,
    disk,
    session: sessionOf(process),
    rotateBytes: 0,
    boot: 'boot',
    isGone: () => Promise.reject(new Error('Nothing here looks like another boot')),
    onApplied: () => undefined,
    onRestored: () => undefined,
  });
}

/** What must hold, whoever sees what when. */
class Witness {
  inside: number | undefined;
  entries = 0;
  #token = 0n;
  #buried = new Set<number>();

  enter(process: number, token: bigint): void {
    assert.equal(this.inside, undefined, `process ${process} enters while ${this.inside} is inside`);
    assert.ok(token > this.#token, `token ${token} after ${this.#token}`);
    this.inside = process;
    this.#token = token;
    this.entries += 1;
  }

  exit(): void {
    this.inside = undefined;
  }

  /** The dead are inside until somebody says in the log that they are dead. */
  toBury(processes: readonly number[], dead: (process: number) => boolean): number[] {
    const found = processes.filter((process) => dead(process) && !this.#buried.has(process));
    for (const process of found) if (this.inside === process) this.inside = undefined;
    return found;
  }

  /** Only now: whoever says so may die before it is written. */
  buried(process: number): void {
    this.#buried.add(process);
  }
}

interface World {
  readonly directory: string;
  readonly interleaving: Interleaving;
  readonly witness: Witness;
  readonly processes: readonly number[];
}

async function live(process: number, rounds: number, world: World): Promise<void> {
  const { interleaving, witness, processes, directory } = world;
  const log = logOf(process, directory, interleaving.disk(process));
  for (let round = 0; round < rounds; round += 1) {
    const owner = `${sessionOf(process)}/${round}`;
    const request = { name: 'a', owner, mode: 'exclusive', ttlMs: TTL_MS, client, wait: true, steal: false } as const;
    await log.append([{ type: 'request', ...request }]);
    const entry = (): { token: bigint | undefined } | undefined =>
      log.state.queues.get('a')?.entries.find((candidate) => candidate.owner === owner);
    while (entry()?.token === undefined) {
      assert.ok(entry() !== undefined, 'a waiting request is never forgotten');
      for (const dead of witness.toBury(processes, (candidate) => interleaving.isDead(candidate))) {
        await log.append([{ type: 'dead', session: sessionOf(dead) }]);
        witness.buried(dead);
      }
      await log.refresh();
    }
    await log.append([{ type: 'renew', name: 'a', owner }]);
    await log.rotate();
    witness.enter(process, entry()?.token ?? 0n);
    await log.append([{ type: 'renew', name: 'a', owner }]);
    assert.notEqual(entry(), undefined, 'a holder that renews stays one');
    witness.exit();
    await log.append([{ type: 'leave', name: 'a', owner }]);
    await log.rotate();
  }
  await log.close();
}

interface Plan {
  readonly order: fc.Stream<number>;
  readonly deaths: readonly { readonly process: number; readonly at: number; readonly torn: boolean }[];
  readonly sleeps: readonly { readonly process: number; readonly at: number; readonly steps: number }[];
}

async function play({ order, deaths, sleeps }: Plan, count: number): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-log-'));
  const processes = Array.from({ length: count }, (_, process) => process);
  const world: World = { directory, interleaving: new Interleaving(), witness: new Witness(), processes };
  const { interleaving } = world;
  let failure: unknown;
  const done = new Set<number>();
  for (const process of processes) {
    live(process, 3, world).then(
      () => done.add(process),
      (error: unknown) => (failure ??= error),
    );
  }
  try {
    // One that finished would be waited for by nobody, and its death would bury nothing.
    while (processes.some((process) => !done.has(process) && !interleaving.isDead(process))) {
      const { value = 0 } = order.next();
      await interleaving.advance(value);
      if (failure !== undefined) throw failure;
      assert.ok(interleaving.step < MAX_STEPS, 'the processes get nowhere');
      for (const { process, at, torn } of deaths)
        if (at === interleaving.step && !done.has(process)) interleaving.kill(process, torn);
      for (const { process, at, steps } of sleeps) if (at === interleaving.step) interleaving.sleep(process, steps);
    }
    await check(world, done);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** A newcomer finds the last word of all, and clears up. */
async function check({ directory, processes }: World, done: ReadonlySet<number>): Promise<void> {
  const log = logOf(99, directory, kernelDisk);
  for (const process of processes)
    if (!done.has(process)) await log.append([{ type: 'dead', session: sessionOf(process) }]);
  await log.refresh();
  assert.deepEqual([...log.state.queues.keys()], [], 'nothing is left behind');
  for (let i = 0; i < 40; i += 1) await log.append([{ type: 'tick', name: 'a' }]);
  await log.rotate();
  const files = readdirSync(directory);
  assert.ok(files.length <= 2 && files.every((file) => file.startsWith('log.')), `left: ${files.join(' ')}`);
  await log.close();
}

// Time stands still: nothing expires, however slow the machine.
beforeEach(() => void vi.spyOn(globalThis.process.hrtime, 'bigint').mockReturnValue(1_000_000_000_000n));
afterEach(() => void vi.restoreAllMocks());

const process = fc.nat({ max: 2 });
const plan: fc.Arbitrary<Plan> = fc.record({
  order: fc.infiniteStream(fc.nat({ max: 1000 })),
  deaths: fc.array(fc.record({ process, at: fc.nat({ max: 400 }), torn: fc.boolean() }), { maxLength: 1 }),
  sleeps: fc.array(fc.record({ process, at: fc.nat({ max: 400 }), steps: fc.nat({ max: 300 }) }), { maxLength: 4 }),
});

test('whatever the order of their system calls, one process is inside at a time, tokens grow, nothing is left', async () => {
  await fc.assert(
    fc.asyncProperty(plan, (generated) => play(generated, 3)),
    { numRuns: 150 },
  );
}, 60_000);
