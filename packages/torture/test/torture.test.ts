import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { check } from '../dist/check/check.js';
import { reportHtml } from '../dist/report/html.js';
import { reportMarkdown } from '../dist/report/markdown.js';
import type { Chapter } from '../dist/report/markdown.js';
import { verdictOf } from '../dist/report/verdict.js';
import { chapterOf } from '../dist/run/chapter.js';
import { torture } from '../dist/run/torture.js';
import type { Ordeal } from '../dist/run/torture.js';

const seed = 'short';
let output: string;
let ordeal: Ordeal;
let chapter: Chapter;

// Between threads: the one backend that needs no server, and hurts its clients all the same.
beforeAll(async () => {
  output = await mkdtemp(join(tmpdir(), 'holdfast-torture-test-'));
  ordeal = await torture({
    backend: 'memory',
    seed,
    durationMs: 8000,
    clients: 4,
    directory: join(output, 'memory'),
    signal: new AbortController().signal,
    onFault: () => undefined,
    onProgress: () => undefined,
  });
  chapter = await chapterOf('memory', ordeal, join(output, 'memory'), true);
});

afterAll(async () => {
  await rm(output, { recursive: true });
});

test('a short run breaks no rule, and all that was planned was done', () => {
  expect(chapter.judgement.violations).toEqual([]);
  expect(chapter.judgement.counts.grants).toBeGreaterThan(20);
  expect(Object.values(chapter.faults).reduce((sum, count) => sum + count, 0)).toBe(ordeal.faults.length);
  expect(ordeal.faults.length).toBeGreaterThan(0);
});

test('the clients wrote to both registers', () => {
  const kinds = new Set(ordeal.evidence.register.map(({ register, action }) => `${register} ${action}`));
  expect(kinds).toEqual(new Set(['fenced read', 'fenced write', 'unfenced read', 'unfenced write']));
});

test.each([
  ['exclusion', (token: string) => token],
  ['tokens', () => '1'],
])('the same run with its grants changed breaks %s', (rule, change) => {
  const events = ordeal.evidence.events.map((event) => {
    if (event.type !== 'granted') return event;
    // As if nobody had ever waited for anybody, or as if every token were the same.
    return rule === 'exclusion' ? { ...event, t: event.t - 100_000 } : { ...event, token: change(event.token) };
  });
  const { violations } = check({ ...ordeal.evidence, events });
  expect(violations.map((violation) => violation.rule)).toContain(rule);
});

test('the report has the counts, and a picture of holds and faults', async () => {
  const head = { seed, durationMs: 8000, clients: 4, node: 'v0', host: 'a host', date: 'a day' };
  const report = reportMarkdown(head, [chapter]);
  expect(report).toContain('Seed `short`');
  expect(report).toContain(`| ${chapter.judgement.counts.operations} | ${chapter.judgement.counts.grants} |`);
  expect(await readdir(output)).toContain(chapter.picture);
  const picture = await readFile(join(output, chapter.picture), 'utf8');
  expect(picture).toContain('client 0');
  expect(picture).toContain(ordeal.faults[0]?.kind);
  expect(picture.trimEnd().endsWith('</svg>')).toBe(true);
  const page = reportHtml(head, [{ ...chapter, svg: picture }]);
  expect(page).toContain(picture);
  expect(page).toContain(`<td>${chapter.judgement.counts.grants}</td>`);
});

test('a run that broke nothing and corrupted nothing is unproved', () => {
  const { judgement } = chapter;
  const counts = { ...judgement.counts, unfencedCorrupted: 0 };
  expect(verdictOf({ violations: [], counts })).toBe('unproved');
  expect(verdictOf({ violations: [], counts: { ...counts, unfencedCorrupted: 1 } })).toBe('passed');
  const violation = { rule: 'order', message: '', ops: [], from: 0, to: 0 } as const;
  expect(verdictOf({ violations: [violation], counts })).toBe('violated');
});
