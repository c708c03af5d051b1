import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { chapterOf } from '../../dist/run/chapter.js';
import type { Chapter } from '../../dist/report/markdown.js';
import { eventLine } from '../../dist/report/markdown.js';
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
    if (windows.length > 0) assert.fail(windows.map(described).join('\n'));
    expect(judgement.counts.grants).toBeGreaterThan(10);
  } finally {
    await rm(output, { recursive: true });
  }
});

/** All there is to know of it: the histories are gone with the test. */
function described({ violation, count, events }: Chapter['windows'][number]): string {
  const { rule, message, from } = violation;
  return [`${rule} (${count}): ${message}`, ...events.map((event) => eventLine(event, from))].join('\n  ');
}
