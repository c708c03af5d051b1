import type { ConformanceReport } from '@holdfast/core/conformance';
import { expect, test } from 'vitest';
import { reportJson, resultLines, summary } from '../dist/conformance-report.js';
import { holdfast, start, temporary } from './holdfast.ts';

test('a backend that cannot be reached: one line and status 69, before any case runs', async () => {
  const { status, stderr } = await holdfast(['conformance', 'redis://:hunter2@127.0.0.1:1']);
  expect(status).toBe(69);
  expect(stderr).toMatch(/^holdfast: [^\n]*ECONNREFUSED[^\n]*\n$/);
  expect(stderr).not.toContain('hunter2');
});

test('results are shown as they come', async () => {
  await using place = await temporary();
  const running = start(['conformance', place.url]);
  await running.said('ok      ');
  expect(running.stdout()).toContain(`Conformance of ${place.url}\n`);
  running.process.kill('SIGTERM');
  await running.ended;
});

const report: ConformanceReport = {
  subject: 'sample',
  manifest: {
    modes: ['exclusive'],
    steal: false,
    query: false,
    fifo: true,
    wakeup: 'push',
    lease: 'grant',
    takeover: 'after-ttl',
    ttl: { minMs: 1, granularityMs: 0 },
    fencing: 'per-name',
    reach: 'host',
    durability: 'none',
  },
  results: [
    { id: 'exclusion/one', title: 'one holds', outcome: 'passed', durationMs: 12 },
    {
      id: 'exclusion/two',
      title: 'not two',
      outcome: 'failed',
      durationMs: 1500,
      error: new Error('two held\nat once'),
    },
    { id: 'query/refused', title: 'asks', outcome: 'refused', durationMs: 3 },
  ],
  absent: [{ id: 'outage/refused', lacks: ['network'] }],
};

test('the summary counts by group, names what failed and what was left out', () => {
  expect(summary(report)).toBe(
    [
      '           passed  failed  refused  time',
      'exclusion  1       1       0        1.5 s',
      'query      0       0       1        0.003 s',
      'all        1       1       1        1.5 s',
      '1 more cases need what the manifest does not claim: network',
      '',
      'sample does not conform: exclusion/two',
    ].join('\n'),
  );
  expect(resultLines(report.results[1]!)).toBe(
    'FAILED  exclusion/two: not two (1.5 s)\n        two held\n        at once',
  );
});

test('the JSON report has what failed and why', () => {
  expect(JSON.parse(JSON.stringify(reportJson(report)))).toMatchObject({
    subject: 'sample',
    results: [
      { outcome: 'passed' },
      { id: 'exclusion/two', outcome: 'failed', error: 'two held\nat once' },
      { outcome: 'refused' },
    ],
    absent: [{ id: 'outage/refused', lacks: ['network'] }],
  });
});
