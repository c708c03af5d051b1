import { expect, test } from 'vitest';
import { parseTortureOptions } from '../dist/options.js';

test('backends, minutes and a seed', () => {
  const options = parseTortureOptions(['--backend', 'redis,etcd', '--minutes', '0.5', '--seed', 'x']);
  expect(options).toMatchObject({
    backends: ['redis', 'etcd'],
    durationMs: 30_000,
    seed: 'x',
    clients: 6,
    keep: false,
  });
});

test.each([
  ['--minutes', '0'],
  ['--minutes', '-1'],
  ['--clients', 'many'],
  ['--failovers', 'some'],
  ['--backend', ','],
  ['--unknown'],
])('bad: %s %s', (...args) => {
  expect(() => parseTortureOptions(args)).toThrow(args[0]);
});
