import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { nextStep } from '../dist/client/plan.js';
import { namesFor } from '../dist/client/spec.js';
import { faultKinds } from '../dist/history/events.js';
import type { FaultKind } from '../dist/history/events.js';
import { unleash } from '../dist/nemesis/nemesis.js';
import { describeFault, schedule } from '../dist/nemesis/schedule.js';
import type { Fault } from '../dist/nemesis/schedule.js';
import { Random } from '../dist/random.js';

const options = { seed: 'a', durationMs: 600_000, clients: 6, kinds: new Set(faultKinds), takeoverMs: 2600 };

describe('the schedule of faults', () => {
  test('is the same for the same seed, and another for another', () => {
    expect(schedule(options)).toEqual(schedule(options));
    expect(schedule({ ...options, seed: 'b' })).not.toEqual(schedule(options));
  });

  test('has every kind of fault that is possible, and no other', () => {
    expect(new Set(schedule(options).map(({ kind }) => kind))).toEqual(new Set(faultKinds));
    const kinds = new Set<FaultKind>(['client-kill', 'client-freeze']);
    expect(new Set(schedule({ ...options, kinds }).map(({ kind }) => kind))).toEqual(kinds);
  });

  test('ends in time, and hurts the server or the network by one fault at a time, as it does the clients', () => {
    const faults = schedule(options);
    const serverSide = faults.filter(({ kind }) => !kind.startsWith('client-'));
    for (const track of [serverSide, faults.filter((fault) => !serverSide.includes(fault))]) {
      let free = 0;
      for (const { atMs, durationMs } of track) {
        expect(atMs).toBeGreaterThan(free);
        free = atMs + durationMs;
        expect(free).toBeLessThanOrEqual(options.durationMs);
      }
    }
  });

  test('freezes clients for less than a takeover and for more', () => {
    const durations = schedule(options).flatMap(({ kind, durationMs }) =>
      kind === 'client-freeze' ? [durationMs] : [],
    );
    expect(Math.min(...durations)).toBeLessThan(options.takeoverMs / 2);
    expect(Math.max(...durations)).toBeGreaterThan(options.takeoverMs);
  });

  test('meets the leader of a cluster as often as any of its members, and steps a server by no more than it bears', () => {
    const faults = schedule({ ...options, members: 3, serverStepMs: 200 });
    const members = faults.flatMap(({ member }) => (member === undefined ? [] : [member]));
    expect(new Set(members)).toEqual(new Set(['leader', 0, 1, 2]));
    const steps = faults.flatMap(({ kind, stepMs = 0 }) => (kind === 'server-clock' ? [Math.abs(stepMs)] : []));
    expect(steps.length).toBeGreaterThan(0);
    expect(Math.max(...steps)).toBeLessThanOrEqual(200);
  });

  test('failovers in a row are all that is done to servers, in every way, and as many as are asked for', () => {
    const faults = schedule({ ...options, failovers: 30 }).filter(({ kind }) => !kind.startsWith('client-'));
    expect(faults.map(({ kind }) => kind)).toEqual(Array.from({ length: 30 }, () => 'failover'));
    expect(new Set(faults.map(({ how }) => how))).toEqual(new Set(['kill', 'freeze', 'ask']));
  });

  test('is told in one line per fault', () => {
    const fault = { id: 3, kind: 'blackhole', atMs: 1200, durationMs: 800, client: 2, direction: 'answers' } as const;
    expect(describeFault(fault)).toBe('#3 at 1.2 s blackhole of client 2 (answers) for 800 ms');
    const failover = { id: 5, kind: 'failover', atMs: 0, durationMs: 50, how: 'kill' } as const;
    expect(describeFault(failover)).toBe('#5 at 0.0 s failover (kill) for 50 ms');
    const lossy = { id: 4, kind: 'loss', atMs: 0, durationMs: 50, member: 'leader', probability: 0.2 } as const;
    expect(describeFault(lossy)).toBe('#4 at 0.0 s loss of the leader of 20 % of the packets for 50 ms');
  });
});

describe('the nemesis', () => {
  const faults: Fault[] = [
    { id: 0, kind: 'client-freeze', client: 1, atMs: 0, durationMs: 1000 },
    { id: 1, kind: 'cut', atMs: 10, durationMs: 0 },
  ];

  async function carriedOut(signal: AbortSignal, planned = faults, begun?: () => void): Promise<string[]> {
    const seen: string[] = [];
    const note =
      (what: string) =>
      ({ id }: { id: number }): Promise<void> => {
        seen.push(`${what} ${id}`);
        if (what === 'begin') begun?.();
        return Promise.resolve();
      };
    const history = {
      write: (event: { type: string; phase?: string }) => seen.push(`${event.phase}`),
      close: () => undefined,
    };
    await unleash({
      faults: planned,
      untilMs: 120_000,
      victims: { begin: note('begin'), end: note('end') },
      history: history as never,
      signal,
      onFault: () => undefined,
    });
    return seen;
  }

  test('writes a fault down before its first effect and after its last', async () => {
    expect(await carriedOut(new AbortController().signal)).toEqual([
      ...['begin', 'begin 0', 'begin', 'begin 1', 'end 1', 'end', 'end 0', 'end'],
    ]);
  });

  test('lets the next fault of a track wait until the one before it is over', async () => {
    const late = [
      { ...faults[0], durationMs: 300 } as Fault,
      { ...faults[0], id: 1, atMs: 50, durationMs: 0 } as Fault,
    ];
    const one = ['begin', 'begin 0', 'end 0', 'end'];
    expect(await carriedOut(new AbortController().signal, late)).toEqual([...one, 'begin', 'begin 1', 'end 1', 'end']);
  });

  test('is later by what a fault took longer, and leaves out what does not fit any more', async () => {
    const slow = { begin: () => sleep(200), end: () => Promise.resolve() };
    const begun: [id: number, afterMs: number][] = [];
    const startedAt = performance.now();
    await unleash({
      faults: [0, 50, 100].map((atMs, id) => ({ id, kind: 'cut', atMs, durationMs: 0 })),
      untilMs: 400,
      victims: slow,
      history: { write: () => undefined } as never,
      signal: new AbortController().signal,
      onFault: ({ id }) => begun.push([id, performance.now() - startedAt]),
    });
    expect(begun.map(([id]) => id)).toEqual([0, 1]);
    expect(begun[1]?.[1]).toBeGreaterThanOrEqual(245);
  });

  test('ends what it began when it is interrupted, and begins nothing else', async () => {
    const long = [{ ...faults[0], durationMs: 60_000 } as Fault, { ...faults[1], atMs: 50_000 } as Fault];
    const interruption = new AbortController();
    const seen = carriedOut(interruption.signal, long, () => interruption.abort());
    expect(await seen).toEqual(['begin', 'begin 0', 'end 0', 'end']);
  });
});

describe('what a client does', () => {
  const modes = ['exclusive', 'shared', 'semaphore'] as const;
  const manifest = { modes, steal: true } as unknown as Parameters<typeof namesFor>[0];
  const steps = (seed: string, steal = true): ReturnType<typeof nextStep>[] => {
    const random = new Random(seed);
    const choices = { names: namesFor(manifest, 'x'), ttlMs: 1000, capabilities: { steal } };
    return Array.from({ length: 3000 }, () => nextStep(random, choices));
  };

  test('depends on the seed alone', () => {
    expect(steps('a')).toEqual(steps('a'));
    expect(steps('a')).not.toEqual(steps('b'));
  });

  test('is something of everything', () => {
    const all = steps('a');
    expect(new Set(all.map(({ verb }) => verb))).toEqual(new Set(['request', 'acquire', 'tryAcquire']));
    expect(new Set(all.map(({ mode }) => mode))).toEqual(new Set(modes));
    for (const has of ['steal', 'timeoutMs', 'abortAfterMs', 'renewsByHand', 'reopens'] as const)
      expect(all.some((step) => Boolean(step[has]))).toBe(true);
    expect(all.some(({ renews, holdMs, ttlMs }) => !renews && holdMs > ttlMs)).toBe(true);
  });

  test('is only what the backend can', () => {
    expect(steps('a', false).some(({ steal }) => steal)).toBe(false);
    const names = namesFor({ ...manifest, modes: ['exclusive', 'shared'] }, 'x');
    expect(names.flatMap((name) => name.modes)).not.toContain('semaphore');
    for (const { verb, steal, timeoutMs, permits, mode } of steps('a')) {
      if (verb === 'tryAcquire') expect([steal, timeoutMs]).toEqual([false, undefined]);
      expect(permits === undefined).toBe(mode !== 'semaphore');
    }
  });
});
