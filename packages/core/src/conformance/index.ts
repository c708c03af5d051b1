/**
 * The suite that every backend must pass. An adapter binds it in its own test runner:
 *
 * ```ts
 * import { describe, test } from 'vitest';
 * import { describeConformance, urlSubject } from '@holdfast/core/conformance';
 *
 * await describeConformance(urlSubject('redis://localhost:6379'), { describe, test });
 * ```
 *
 * or gives what a URL can't tell, here a backend for the threads of one process:
 *
 * ```ts
 * const buffer = new SharedArrayBuffer(1 << 20);
 * const config = { backend: 'memory', options: { buffer } };
 * const subject: Subject = { name: 'memory', open: () => createLocks(config), peers: { kind: 'thread', data: () => config } };
 * ```
 *
 * There is nothing to skip with: the manifest decides which cases apply, and what it lacks must be refused.
 */
export { cases } from './cases/index.ts';
export type { ConformanceCase } from './case.ts';
export type { Context } from './context.ts';
export { describeConformance } from './describe.ts';
export type { Runner } from './describe.ts';
export { Peer, PeerError, PeerLock } from './peer/peer.ts';
export { FaultProxy } from './proxy.ts';
export type { Direction } from './proxy.ts';
export type { Requirement } from './requirement.ts';
export { runConformance } from './run.ts';
export type { CaseResult, ConformanceReport, RunOptions } from './run.ts';
export { urlSubject } from './subject.ts';
export type { Address, PeerSource, Subject } from './subject.ts';
