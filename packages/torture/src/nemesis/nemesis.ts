import { setTimeout as sleep } from 'node:timers/promises';
import { nowMicros } from '../clock.ts';
import type { HistoryWriter } from '../history/writer.ts';
import { trackOf } from './schedule.ts';
import type { Fault, Track } from './schedule.ts';

/** What the nemesis may lay hands on. Each method resolves when the fault is there, or gone. */
export interface Victims {
  begin(fault: Fault): Promise<void>;
  end(fault: Fault): Promise<void>;
}

export interface NemesisOptions {
  readonly faults: readonly Fault[];
  /** After which no fault lasts, in ms from the first line of the schedule, except for what it takes to end it. */
  readonly untilMs: number;
  readonly victims: Victims;
  readonly history: HistoryWriter;
  readonly signal: AbortSignal;
  readonly onFault: (fault: Fault) => void;
}

/** Carries out the schedule, and leaves nothing broken behind, also when it is interrupted. */
export async function unleash(options: NemesisOptions): Promise<void> {
  const startedAt = performance.now();
  const tracks = new Set(options.faults.map(({ kind }) => trackOf(kind)));
  const outcomes = await Promise.allSettled([...tracks].map((track) => follow(track, startedAt, options)));
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

/**
 * One after another. A server may take longer to come back than was planned: then all that follows is later by that, so that every fault
 * meets a system at work, and what does not fit any more is left out.
 */
async function follow(track: Track, startedAt: number, options: NemesisOptions): Promise<void> {
  const { faults, signal, untilMs, onFault } = options;
  const elapsed = (): number => performance.now() - startedAt;
  let lateMs = 0;
  for (const fault of faults.filter(({ kind }) => trackOf(kind) === track)) {
    await sleepUntil(startedAt + fault.atMs + lateMs, signal);
    if (signal.aborted || elapsed() + fault.durationMs > untilMs) return;
    onFault(fault);
    await carryOut(fault, options);
    lateMs = Math.max(elapsed() - fault.atMs - fault.durationMs, 0);
  }
}

async function carryOut(fault: Fault, { victims, history, signal }: NemesisOptions): Promise<void> {
  const { id, kind, client, member } = fault;
  const whom = { ...(client === undefined ? {} : { client }), ...(member === undefined ? {} : { member }) };
  const event = { type: 'fault', id, kind, ...whom } as const;
  const endsAt = performance.now() + fault.durationMs;
  // It counts from before its first effect until after its last.
  history.write({ ...event, phase: 'begin', t: nowMicros() });
  try {
    await victims.begin(fault);
    await sleepUntil(endsAt, signal);
  } finally {
    await victims.end(fault);
    history.write({ ...event, phase: 'end', t: nowMicros() });
  }
}

async function sleepUntil(at: number, signal: AbortSignal): Promise<void> {
  await sleep(Math.max(at - performance.now(), 0), undefined, { signal }).then(undefined, () => undefined);
}
