import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { windowOf } from '../dist/check/window.js';
import { nowMicros } from '../dist/clock.js';
import { parseHistory, readHistory } from '../dist/history/read.js';
import { HistoryWriter } from '../dist/history/writer.js';
import { Story } from './story.ts';

test('another process reads the same clock', async () => {
  const before = nowMicros();
  const script = 'process.stdout.write(String(process.hrtime.bigint() / 1000n))';
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script]);
  expect(Number(stdout)).toBeGreaterThan(before);
  expect(Number(stdout)).toBeLessThan(nowMicros());
});

test('events of several files come back in the order of their times', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-torture-history-'));
  try {
    const [a, b] = [1, 2].map((client) => new HistoryWriter(join(directory, `client-${client}.history.jsonl`)));
    b?.write({ type: 'end', client: 2, life: 1, t: 30 });
    a?.write({ type: 'start', client: 1, life: 1, pid: 1, t: 10 });
    b?.write({ type: 'start', client: 2, life: 1, pid: 2, t: 20 });
    a?.close();
    b?.close();
    expect((await readHistory(directory)).map(({ t }) => t)).toEqual([10, 20, 30]);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('a line that was cut short did not happen, and a bad one is an error', () => {
  expect(parseHistory('{"type":"calm","t":1}\n{"type":"st')).toEqual([{ type: 'calm', t: 1 }]);
  expect(() => parseHistory('{"type"\n')).toThrow(SyntaxError);
});

test('the window of a violation has what shows it and nothing else', () => {
  const story = new Story()
    .fault('delay', 0, 5, 'a')
    .held('x', 5, 8, 1)
    .held('a', 10, 50, 2)
    .fault('server-freeze', 30, 35)
    .held('b', 40, 90, 3)
    .held('c', 95, 99, 4);
  const [violation] = story.judge().violations;
  if (violation === undefined) throw new Error('Expected a violation');
  const shown = windowOf(
    story.events.toSorted((a, b) => a.t - b.t),
    violation,
  ).map((event) => ('op' in event ? `${event.op} ${event.type}` : event.type === 'fault' ? event.kind : event.type));
  expect(shown).toEqual([
    'a invoke',
    'a granted',
    'server-freeze',
    'server-freeze',
    'b invoke',
    'b granted',
    'a ending',
  ]);
});
