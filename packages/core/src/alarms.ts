import { monotonicMs } from './clock.ts';

/** Is woken at its time or soon after, once; it looks at the clock itself. */
export interface Sleeper {
  wake(): void;
}

/** All who sleep until the same millisecond. */
export interface Alarm {
  readonly atMs: number;
  readonly sleepers: Set<Sleeper>;
  /** `undefined`: yet to be set. */
  timer: NodeJS.Timeout | undefined;
}

const alarms = new Map<number, Alarm>();
/** Those without a timer. */
const unset = new Set<Alarm>();
/** Nobody sleeps until it any more, but in a loop of short holds the next one will: one such is kept. */
let spare: Alarm | undefined;

/**
 * One timer for all that are due in the same millisecond, rather than one for each: a hundred thousand locks of one ttl are
 * renewed at some thirty different moments. `atMs` is of {@link monotonicMs}. The timers never keep the process alive.
 *
 * They are set at the end of the turn: whoever was granted a lock goes on first, and may have released it by then.
 */
export function sleepUntil(atMs: number, sleeper: Sleeper): Alarm {
  const ms = Math.ceil(atMs);
  let alarm = alarms.get(ms);
  if (alarm === undefined) alarms.set(ms, (alarm = start(ms)));
  else if (alarm === spare) spare = undefined;
  alarm.sleepers.add(sleeper);
  return alarm;
}

export function sleepNoMore(alarm: Alarm, sleeper: Sleeper): void {
  if (!alarm.sleepers.delete(sleeper) || alarm.sleepers.size > 0 || alarms.get(alarm.atMs) !== alarm) return;
  if (spare !== undefined) stop(spare);
  spare = alarm;
}

function start(atMs: number): Alarm {
  const alarm: Alarm = { atMs, sleepers: new Set(), timer: undefined };
  if (unset.size === 0) setImmediate(setAll);
  unset.add(alarm);
  return alarm;
}

function setAll(): void {
  for (const alarm of unset) {
    alarm.timer = setTimeout(() => ring(alarm), Math.max(alarm.atMs - monotonicMs(), 0));
    alarm.timer.unref();
  }
  unset.clear();
}

function ring(alarm: Alarm): void {
  stop(alarm);
  if (spare === alarm) spare = undefined;
  for (const sleeper of alarm.sleepers) sleeper.wake();
}

function stop(alarm: Alarm): void {
  if (alarm.timer === undefined) unset.delete(alarm);
  else clearTimeout(alarm.timer);
  alarms.delete(alarm.atMs);
}
