import { createLocks } from '@holdfast/core';
import { describeConformance } from '@holdfast/core/conformance';
import type { Address } from '@holdfast/core/conformance';
import { startRedisSentinel } from '@holdfast/testbed';
import { afterAll, describe, test } from 'vitest';

// Nothing fails here but connections, and a busy machine must not be taken for a dead master.
const sentinel = await startRedisSentinel({ downAfterMs: 30_000 });
afterAll(() => sentinel[Symbol.asyncDispose]());

const { hostname: host, host: master, port } = new URL(sentinel.members[0]?.url ?? '');
const config = (via?: Address): { backend: string; options: Record<string, unknown> } => ({
  backend: sentinel.url,
  options: via === undefined ? {} : { natMap: { [master]: via } },
});

await describeConformance(
  {
    name: 'redis+sentinel',
    open: (via) => createLocks(config(via)),
    peers: { kind: 'process', data: config },
    server: { host, port: Number(port) },
  },
  { describe, test },
);
