import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { chapterOf } from '../../dist/run/chapter.js';
import { torture } from '../../dist/run/torture.js';

const DURATION_MS = 12_000;
const CLIENTS = 4;
const backends = ['file', 'redis', 'etcd', 'zookeeper', 'consul', 'postgres', 'mysql', 'rabbitmq', 'kafka'];

// Too short to prove much: `npm run torture` is for that. It shows that every backend can still be tortured, and survives a little of it.
test.each(backends)('%s: a short round of faults breaks no rule', { timeout: 120_000 }, async (backend) => {
  const output = await mkdtemp(join(tmpdir(), 'holdfast-torture-round-'));
  try {
    const directory = join(output, backend);
    const ordeal = await torture({
      backend,
      seed: 'round',
      durationMs: DURATION_MS,
      clients: CLIENTS,
      directory,
      signal: new AbortController().signal,
      onFault: () => undefined,
      onProgress: () => undefined,
    });
    const { judgement, windows } = await chapterOf(backend, ordeal, directory, false);
    expect(windows).toEqual([]);
    expect(judgement.counts.grants).toBeGreaterThan(10);
  } finally {
    await rm(output, { recursive: true });
  }
});
