import { rules } from '../check/violation.ts';
import { escape } from './svg.ts';
import { columns, eventLine, facts, headLine } from './markdown.ts';
import type { Chapter, ReportHead } from './markdown.ts';

/** One file with its pictures in it, for light and dark. */
export function reportHtml(head: ReportHead, chapters: readonly (Chapter & { readonly svg: string })[]): string {
  return [
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
    `<title>Torture report</title><style>${style}</style><h1>Torture report</h1><p>${escape(headLine(head))}</p>`,
    '<div class="wide"><table><thead><tr>',
    ...columns.map(([title]) => `<th>${escape(title)}</th>`),
    '</tr></thead><tbody>',
    ...chapters.map((chapter) => `<tr class="${chapter.verdict}">${cells(chapter)}</tr>`),
    '</tbody></table></div><dl>',
    ...Object.entries(rules).map(([rule, meaning]) => `<dt>${rule}</dt><dd>${escape(meaning)}</dd>`),
    '</dl>',
    ...chapters.flatMap(chapterHtml),
    '</html>\n',
  ].join('\n');
}

function cells(chapter: Chapter): string {
  return columns.map(([, cell]) => `<td>${escape(String(cell(chapter)))}</td>`).join('');
}

function chapterHtml(chapter: Chapter & { readonly svg: string }): string[] {
  const { backend, verdict, svg, windows } = chapter;
  return [
    `<section><h2>${escape(backend)}: <span class="${verdict}">${verdict}</span></h2>`,
    `<div class="wide">${svg}</div>`,
    `<ul>${facts(chapter)
      .map((fact) => `<li>${escape(fact)}</li>`)
      .join('')}</ul>`,
    ...windows.map(
      ({ violation, count, events }) =>
        `<h3>${escape(`${violation.rule}, ${count} times: ${violation.message}`)}</h3><pre>${escape(events.map((event) => eventLine(event, violation.from)).join('\n'))}</pre>`,
    ),
    '</section>',
  ];
}

const style = `
  :root { color-scheme: light dark }
  body { font: 15px/1.5 ui-sans-serif, system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif; max-width: 1240px; margin: 2rem auto; padding: 0 1rem }
  table { border-collapse: collapse; font-variant-numeric: tabular-nums } th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #8884 }
  .wide { overflow-x: auto } .passed td:nth-child(3), span.passed { color: #2da44e } .violated td:nth-child(3), span.violated { color: #e5534b; font-weight: 600 }
  dl { columns: 2; font-size: 13px } dt { font-weight: 600 } dd { margin: 0 0 .4rem } pre { overflow-x: auto; font-size: 12px }`;
