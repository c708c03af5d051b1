import type { Capabilities, RequestMode } from '@holdfast/core';

/** A lock name, and the kinds of requests that are made for it. */
export interface NameSpec {
  readonly name: string;
  readonly modes: readonly RequestMode[];
  readonly permits: number;
}

/** All that a client is told; it survives JSON. */
export interface ClientSpec {
  readonly client: number;
  readonly life: number;
  readonly seed: string;
  /** Of the backend, perhaps through a proxy of this client's own. */
  readonly url: string;
  readonly registersUrl: string;
  /** Where its history goes. */
  readonly history: string;
  readonly names: readonly NameSpec[];
  /** The shortest ttl of its requests, in ms. */
  readonly ttlMs: number;
  /** How many requests it has under way at a time. */
  readonly lanes: number;
}

/** What the runner says to a client. */
export type ToClient = 'stop';

/** What a client says to the runner, every so often. */
export interface FromClient {
  readonly operations: number;
  readonly grants: number;
  readonly losses: number;
}

export const PERMITS = 3;
/** The longest ttl of any request is so many times the shortest: above the time to confirm a pushed grant. */
export const LONG_TTL = 2.5;
/** The longest that a client means to hold a lock, in ttls. */
export const LONGEST_HOLD = 1.5;

/** Three names: one for a mutex, one for readers and writers, one for permits; as far as the backend has those. */
export function namesFor({ modes }: Capabilities, prefix: string): NameSpec[] {
  const names: NameSpec[] = [];
  const add = (name: string, kinds: readonly RequestMode[]): void => {
    const known = kinds.filter((mode) => modes.includes(mode));
    if (known.length === kinds.length) names.push({ name: `${prefix} ${name}`, modes: known, permits: PERMITS });
  };
  add('mutex', ['exclusive']);
  add('readers and writers', ['exclusive', 'shared']);
  add('permits', ['exclusive', 'semaphore']);
  return names;
}
