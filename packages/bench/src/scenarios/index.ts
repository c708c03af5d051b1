import type { Scenario } from '../scenario.ts';
import { contention } from './contention.ts';
import { handOver } from './hand-over.ts';
import { held } from './held.ts';
import { latency } from './latency.ts';
import { throughput } from './throughput.ts';

export const scenarios: readonly Scenario[] = [
  latency,
  ...[16, 256, 4096].map(throughput),
  ...[2, 10, 100, 1000].map(handOver),
  contention,
  ...[1000, 10_000, 100_000].map(held),
];
