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
  readonly victims: Victims;
  readonly history: HistoryWriter;
  readonly signal: AbortSignal;
  readonly onFault: (fault: Fault) => void;
}

/** Carries out the schedule, and leaves nothing broken behind, also when it is interrupted. */
export async function unleash(options: NemesisOptions): Promise<void> {
  const startedAt = performance.now();
  const underWay: Promise<void>[] = [];
  const last = new Map<Track, Promise<void>>();
  for (const fault of options.faults) {
    await sleepUntil(startedAt + fault.atMs, options.signal);
    if (options.signal.aborted) break;
    // A server may take longer to come back than was planned: then the next fault of its track waits.
    const track = trackOf(fault.kind);
    const work = after(last.get(track), fault, options);
    last.set(track, work);
    underWay.push(work);
  }
  const failed = (await Promise.allSettled(underWay)).find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

async function after(previous: Promise<void> | undefined, fault: Fault, options: NemesisOptions): Promise<void> {
  await previous;
  if (options.signal.aborted) return;
  options.onFault(fault);
  await carryOut(fault, options);
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
