import { rules } from '../check/violation.ts';
import type { Violation } from '../check/violation.ts';
import type { Judgement } from '../check/check.ts';
import { faultKinds } from '../history/events.ts';
import type { HistoryEvent } from '../history/events.ts';
import type { Verdict } from './verdict.ts';

/** One backend's part of the report. */
export interface Chapter {
  readonly backend: string;
  readonly version: string;
  readonly verdict: Verdict;
  readonly judgement: Judgement;
  readonly faults: Readonly<Record<string, number>>;
  /** Relative to the report. */
  readonly picture: string;
  /** For each rule that is broken: its violation with the shortest window, and how many there are. */
  readonly windows: readonly {
    readonly violation: Violation;
    readonly count: number;
    readonly events: readonly HistoryEvent[];
  }[];
}

export interface ReportHead {
  readonly seed: string;
  readonly durationMs: number;
  readonly clients: number;
  readonly node: string;
  readonly host: string;
  readonly date: string;
}

export function reportMarkdown(head: ReportHead, chapters: readonly Chapter[]): string {
  return [
    '# Torture report',
    '',
    headLine(head),
    '',
    ...summary(chapters),
    '',
    'Rules: ' +
      Object.entries(rules)
        .map(([rule, meaning]) => `**${rule}**: ${meaning}.`)
        .join(' '),
    ...chapters.flatMap(chapterLines),
    '',
  ].join('\n');
}

export function headLine({ seed, durationMs, clients, node, host, date }: ReportHead): string {
  return `Seed \`${seed}\`, ${durationMs / 60_000} minutes of faults and ${clients} clients for each backend. Node.js ${node}, ${host}, ${date}.`;
}

/** Of the summary: title and cell. */
export const columns: readonly (readonly [string, (chapter: Chapter) => string | number])[] = [
  ['backend', ({ backend }) => backend],
  ['server', ({ version }) => version],
  ['verdict', ({ verdict }) => verdict],
  ['operations', ({ judgement }) => judgement.counts.operations],
  ['grants', ({ judgement }) => judgement.counts.grants],
  ['faults', ({ faults }) => Object.values(faults).reduce((sum, count) => sum + count, 0)],
  ['lost, known in time', ({ judgement: { counts } }) => `${counts.losses}, ${counts.lossesInTime}`],
  ['longest stall', ({ judgement: { counts } }) => `${Math.round(counts.longestStallMs)} ms`],
  ['after the faults', ({ judgement: { counts } }) => `${Math.round(counts.longestCalmStallMs)} ms`],
];

function summary(chapters: readonly Chapter[]): string[] {
  return [
    `| ${columns.map(([title]) => title).join(' | ')} |`,
    `|${columns.map(() => '---').join('|')}|`,
    ...chapters.map((chapter) => `| ${columns.map(([, cell]) => String(cell(chapter))).join(' | ')} |`),
  ];
}

/** What else is to be said of a run, one sentence each. */
export function facts({ judgement: { counts, violations }, faults }: Chapter): string[] {
  const { theft, disconnect, failover } = counts.excused;
  const kinds = faultKinds.filter((kind) => faults[kind] !== undefined).map((kind) => `${kind} ${faults[kind]}`);
  return [
    `Faults: ${kinds.join(', ') || 'none'}.`,
    `Fenced register: ${counts.fencedAccepted} accesses accepted, ${counts.fencedRefused} stale ones refused. Unfenced register: ${counts.unfencedCorrupted} writes lost.`,
    `Overlaps that are allowed: ${theft} by \`steal\`, ${disconnect} by a fault that only the server could see, ${failover} by a failover that forgot a grant.`,
    `Violations: ${violations.length}.`,
  ];
}

function chapterLines(chapter: Chapter): string[] {
  const { backend, verdict, picture, windows } = chapter;
  return [
    '',
    `## ${backend}: ${verdict}`,
    '',
    `![Holds, waits, losses and faults](${picture})`,
    '',
    ...facts(chapter).map((fact) => `- ${fact}`),
    ...windows.flatMap(({ violation, count, events }) => [
      '',
      `### ${violation.rule}, ${count} times: ${violation.message}`,
      '',
      '```',
      ...events.map((event) => eventLine(event, violation.from)),
      '```',
    ]),
  ];
}

/** Times relative to the beginning of the violation, in ms. */
export function eventLine({ t, ...event }: HistoryEvent, from: number): string {
  const rest = 'op' in event ? { ...event, client: undefined, life: undefined } : event;
  return `${((t - from) / 1000).toFixed(3).padStart(12)} ${JSON.stringify(rest)}`;
}
