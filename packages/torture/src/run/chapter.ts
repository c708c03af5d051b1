import { rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { check } from '../check/check.ts';
import type { Violation } from '../check/violation.ts';
import { windowOf } from '../check/window.ts';
import type { Chapter } from '../report/markdown.ts';
import { busiestSpan, timelineSvg } from '../report/timeline.ts';
import { verdictOf } from '../report/verdict.ts';
import type { Ordeal } from './torture.ts';

const PICTURE_MICROS = 20_000_000;

/** Judges an ordeal, draws its picture beside `directory`, and keeps there the evidence of a violation. */
export async function chapterOf(backend: string, ordeal: Ordeal, directory: string, keep: boolean): Promise<Chapter> {
  const { evidence, version } = ordeal;
  const judgement = check(evidence);
  const verdict = verdictOf(judgement);
  const picture = `${directory}.svg`;
  const [worst] = judgement.violations;
  const span =
    worst === undefined
      ? busiestSpan(evidence.events, PICTURE_MICROS)
      : {
          from: worst.from - PICTURE_MICROS / 4,
          to: Math.min(worst.to, worst.from + PICTURE_MICROS) + PICTURE_MICROS / 8,
        };
  await writeFile(picture, timelineSvg(`${backend}: ${version}`, evidence.events, span));
  if (verdict === 'violated') {
    await writeFile(
      join(directory, 'evidence.json'),
      JSON.stringify({ ...evidence, events: undefined, judgement }, null, 1),
    );
  } else if (!keep) await rm(directory, { recursive: true });
  return {
    backend,
    version,
    verdict,
    judgement,
    faults: countFaults(ordeal),
    picture: basename(picture),
    windows: shortestOfEach(judgement.violations).map((violation) => ({
      violation,
      count: judgement.violations.filter(({ rule }) => rule === violation.rule).length,
      events: windowOf(evidence.events, violation),
    })),
  };
}

/** One for each rule that is broken, in the order given. */
function shortestOfEach(violations: readonly Violation[]): Violation[] {
  return violations.filter(({ rule }, i) => violations.findIndex((other) => other.rule === rule) === i);
}

/** Those that were carried out, by kind. */
function countFaults({ evidence }: Ordeal): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const event of evidence.events) {
    if (event.type === 'fault' && event.phase === 'begin') counts[event.kind] = (counts[event.kind] ?? 0) + 1;
  }
  return counts;
}
