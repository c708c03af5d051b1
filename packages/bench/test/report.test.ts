import { expect, test } from 'vitest';
import { markdown } from '../dist/report.js';

test('a table has a row for each contender, and says why one has no figure', () => {
  const scenario = { id: 'latency', title: 'One task', unit: 'µs', better: 'less' } as const;
  const ratio = { median: 2.5, low: 2, high: 3, count: 5 };
  const lines = [
    { name: 'holdfast', figure: 123.4, ratio, also: { 'per second': 7 } },
    { name: 'peer', failed: 'a | b\nc' },
  ];
  expect(
    markdown([{ backend: 'redis', version: 'redis 7', scenario, lines }])
      .split('\n')
      .slice(2),
  ).toEqual([
    '|  | ratio | middle half | µs | per second |  |',
    '|---|---|---|---|---|---|',
    '| holdfast | 2.50 | 2.00 to 3.00 | 123 | 7.00 |  |',
    '| peer |  |  |  |  | a \\| b c |',
    '',
  ]);
});
