import type { Scenario } from '../scenario.ts';
import { contention, contentionOfProcesses } from './contention.ts';
import { death } from './death.ts';
import { handOverBetweenProcesses } from './hand-over-processes.ts';
import { handOver, requestsOfHandOver } from './hand-over.ts';
import { held } from './held.ts';
import { latency, latencyOfNewNames } from './latency.ts';
import { requests } from './requests.ts';
import { start } from './start.ts';
import { throughput } from './throughput.ts';

export const scenarios: readonly Scenario[] = [
  latency,
  latencyOfNewNames,
  requests,
  ...[1, 16, 256, 4096].map(throughput),
  ...[2, 10, 100, 1000].map(handOver),
  ...[2, 10, 100, 1000].map(handOverBetweenProcesses),
  ...[10, 100, 1000].map(requestsOfHandOver),
  contention,
  contentionOfProcesses,
  ...[1000, 10_000, 100_000].map(held),
  start,
  death,
];
