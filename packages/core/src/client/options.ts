import type { LockMode, RequestMode } from '../contract.ts';
import { MAX_DURATION_MS, parseDuration, shown } from '../config/duration.ts';
import type { Duration } from '../config/duration.ts';
import { InvalidArgumentError } from '../errors.ts';

export interface AcquireOptions {
  /** Default `exclusive`. */
  mode?: LockMode | undefined;
  /** One permit of a counting semaphore of this many; excludes `mode: 'shared'`. Everybody should name the same number. */
  permits?: number | undefined;
  /** How long the hold outlives its holder, in ms or as `'30s'`; default 30 s. It is renewed every third of it. */
  ttl?: Duration | undefined;
  /** Longest wait, in ms or as `'10s'`; default none. Then `LockTimeoutError`. */
  timeout?: Duration | undefined;
  /** Aborts the wait; the promise rejects with its reason. Has no effect on a lock already granted. */
  signal?: AbortSignal | undefined;
  /** Takes the lock from its holders (their `signal` aborts) and ahead of all waiters. Exclusive only. */
  steal?: boolean | undefined;
  /** Within the callback of a `request` for the same name, share its hold instead of waiting for it. Default `false`. */
  reentrant?: boolean | undefined;
  /** `false`: nothing renews but `lock.renew()`. Default `true`. */
  renew?: boolean | undefined;
}

export type TryAcquireOptions = Omit<AcquireOptions, 'timeout'>;

export interface RequestOptions extends AcquireOptions {
  ifAvailable?: false | undefined;
}

/** Web Locks' `ifAvailable`: the callback gets `null` at once when the lock is not free. */
export interface IfAvailableOptions extends TryAcquireOptions {
  ifAvailable: true;
}

/** What a `semaphore` binds is not given again. */
export type Permitted<O> = Omit<O, 'mode' | 'permits' | 'steal'>;

/** Options that are known to be valid. */
export interface Acquisition {
  readonly mode: RequestMode;
  readonly permits: number | undefined;
  readonly ttlMs: number;
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly steal: boolean;
  readonly reentrant: boolean;
  readonly renew: boolean;
  readonly wait: boolean;
}

export interface Defaults {
  readonly ttlMs: number;
  readonly timeoutMs: number | undefined;
  /** The backend's smallest ttl, in ms. */
  readonly minTtlMs: number;
}

const known = new Set(['mode', 'permits', 'ttl', 'timeout', 'signal', 'steal', 'reentrant', 'renew', 'ifAvailable']);

export type Verb = 'request' | 'acquire' | 'tryAcquire';

/** Throws `InvalidArgumentError` naming the option. */
export function parseAcquisition(options: unknown, defaults: Defaults, verb: Verb): Acquisition {
  const given = toRecord(options);
  for (const key of Object.keys(given)) {
    if (!known.has(key))
      throw new InvalidArgumentError(`Unknown option \`${key}\`; known are ${[...known].join(', ')}`);
  }
  const permits = parsePermits(given['permits']);
  const mode = parseMode(given['mode'], permits);
  const steal = flag('steal', given['steal'], false);
  const ifAvailable = flag('ifAvailable', given['ifAvailable'], false);
  if (ifAvailable && verb !== 'request') {
    throw new InvalidArgumentError('`ifAvailable` belongs to `request`; `tryAcquire` answers null instead of waiting');
  }
  const waits = verb !== 'tryAcquire' && !ifAvailable;
  if (steal && mode !== 'exclusive')
    throw new InvalidArgumentError('`steal` needs an exclusive request: neither shared nor permits');
  if (steal && ifAvailable) throw new InvalidArgumentError('`steal` and `ifAvailable` exclude each other');
  if (!waits && given['timeout'] !== undefined) {
    throw new InvalidArgumentError('`timeout` limits a wait, and a request that only tries never waits');
  }
  const { ttl, timeout } = given;
  return {
    mode,
    permits,
    ttlMs: ttl === undefined ? defaults.ttlMs : parseDuration('ttl', ttl, defaults.minTtlMs),
    timeoutMs: timeout === undefined ? (waits ? defaults.timeoutMs : undefined) : parseDuration('timeout', timeout),
    signal: parseSignal(given['signal']),
    steal,
    reentrant: flag('reentrant', given['reentrant'], false),
    renew: flag('renew', given['renew'], true),
    wait: waits,
  };
}

function toRecord(options: unknown): Record<string, unknown> {
  if (options === undefined) return {};
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new InvalidArgumentError(`Expected the options to be an object, got ${shown(options)}`);
  }
  return options as Record<string, unknown>;
}

export function parsePermits(permits: unknown): number | undefined {
  if (permits === undefined) return undefined;
  if (typeof permits === 'number' && Number.isInteger(permits) && permits > 0 && permits <= MAX_DURATION_MS)
    return permits;
  throw new InvalidArgumentError(`Expected \`permits\` to be a whole number of at least 1, got ${shown(permits)}`);
}

function parseMode(mode: unknown, permits: number | undefined): RequestMode {
  if (mode !== undefined && mode !== 'exclusive' && mode !== 'shared') {
    throw new InvalidArgumentError(`Expected \`mode\` to be 'exclusive' or 'shared', got ${shown(mode)}`);
  }
  if (permits === undefined) return mode ?? 'exclusive';
  if (mode !== undefined) throw new InvalidArgumentError('`permits` asks for a semaphore and excludes `mode`');
  return 'semaphore';
}

function parseSignal(signal: unknown): AbortSignal | undefined {
  if (signal === undefined || signal instanceof AbortSignal) return signal;
  throw new InvalidArgumentError(`Expected \`signal\` to be an AbortSignal, got ${shown(signal)}`);
}

function flag(field: string, value: unknown, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  if (typeof value === 'boolean') return value;
  throw new InvalidArgumentError(`Expected \`${field}\` to be true or false, got ${shown(value)}`);
}
