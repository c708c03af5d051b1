import type { ConformanceCase } from '@holdfast/core/conformance';
import { verdictOf } from '../run/trial.ts';
import type { Trial } from '../run/trial.ts';
import { cellOf, countsInWords, countsOf, failuresOf, sectionsOf, seconds, troubleOf } from './matrix.ts';
import type { Cell, Section } from './matrix.ts';
import { style } from './html-style.ts';
import type { RunReport } from './run-report.ts';

/** One file that needs no other. */
export function reportHtml(report: RunReport): string {
  const { trials, cases } = report;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Holdfast conformance</title>
<style>${style}</style>
</head>
<body>
${head(report)}
${places(report)}
${failures(report)}
<h2>Every case</h2>
<p class="quiet">✓ passed · ✗ failed · refused: the manifest lacks what the case requires, and the backend refuses it, as it must ·
– left out: the manifest does not claim it, and there is nothing to refuse · ? not run. A cell tells more when you point at it.</p>
<div class="scroll matrix"><table>
<thead><tr><th>Case</th>${trials.map(({ backend }) => `<th scope="col">${escape(backend)}</th>`).join('')}</tr></thead>
${sectionsOf(cases)
  .map((section) => sectionRows(section, trials))
  .join('\n')}
</table></div>
</body>
</html>
`;
}

function head({ startedAt, wallMs, via, atOnce, machine, trials }: RunReport): string {
  const conforming = trials.filter((trial) => verdictOf(trial) === 'conforms').length;
  const source = via === undefined ? 'the first source that works' : via;
  return `<h1>Holdfast conformance: ${conforming} of ${trials.length} backends conform</h1>
<p class="quiet">${escape(startedAt.toISOString().replace('T', ' ').slice(0, 16))} UTC, ${seconds(wallMs)}, servers from ${source}, ${atOnce} at once</p>
<p class="quiet">${escape(machine)}</p>`;
}

function places({ trials, cases }: RunReport): string {
  const rows = trials.map((trial) => {
    const verdict = verdictOf(trial);
    const badge = verdict === 'conforms' ? 'good' : verdict === 'does not conform' ? 'bad' : 'note';
    return `<tr><td><b>${escape(trial.backend)}</b></td><td><span class="badge ${badge}">${verdict}</span></td>
<td>${escape(trial.server?.version ?? '')}</td><td>${source(trial)}</td>
<td class="number">${seconds(trial.wallMs)}</td><td>${countsInWords(countsOf(trial, cases))}</td></tr>`;
  });
  return `<h2>What ran where</h2>
<div class="scroll"><table>
<thead><tr><th>Backend</th><th>Result</th><th>Server</th><th>Source</th><th>Wall time</th><th>Cases</th></tr></thead>
<tbody>${rows.join('\n')}</tbody>
</table></div>`;
}

function source({ server }: Trial): string {
  if (server === undefined) return '';
  const image = server.image === undefined ? '' : ` <code>${escape(server.image)}</code>`;
  const standIn = server.standIn === true ? ' <span class="badge note">stand-in image</span>' : '';
  return `${server.source}${image}${standIn}`;
}

function failures(report: RunReport): string {
  const failed = failuresOf(report).map(
    ({ backend, id, title, message }) =>
      `<h3 id="${anchor(backend, id)}">${escape(backend)}: ${escape(title)} <code class="quiet">${escape(id)}</code></h3><pre>${escape(message)}</pre>`,
  );
  const troubles = report.trials.flatMap((trial) => {
    const reason = troubleOf(trial);
    if (reason === undefined) return [];
    return [`<h3>${escape(trial.backend)}: ${verdictOf(trial)}</h3><pre>${escape(reason)}</pre>`];
  });
  const all = [...failed, ...troubles];
  return all.length === 0 ? '' : `<h2>Failures</h2>\n${all.join('\n')}`;
}

function sectionRows({ name, cases }: Section, trials: readonly Trial[]): string {
  const title = `<tr class="section"><th scope="row">${escape(name)}</th>${trials.map((trial) => `<td>${summary(trial, cases)}</td>`).join('')}</tr>`;
  const rows = cases.map(
    (testCase) =>
      `<tr><th scope="row">${escape(testCase.title)}<br><code class="quiet">${escape(testCase.id)}</code></th>` +
      `${trials.map((trial) => cell(trial, testCase)).join('')}</tr>`,
  );
  return `<tbody>${title}\n${rows.join('\n')}</tbody>`;
}

function summary(trial: Trial, cases: readonly ConformanceCase[]): string {
  const { passed, failed } = countsOf(trial, cases);
  return failed > 0 ? `${failed} failed` : passed > 0 ? `${passed}` : '';
}

function cell(trial: Trial, testCase: ConformanceCase): string {
  const content = cellOf(trial, testCase);
  const { text, tip } = shown(content);
  const inner =
    content.state === 'failed' ? `<a href="#${anchor(trial.backend, testCase.id)}">${text}</a>` : escape(text);
  return `<td class="${content.state}" title="${escape(tip)}">${inner}</td>`;
}

function shown(cell: Cell): { text: string; tip: string } {
  switch (cell.state) {
    case 'passed':
      return { text: '✓', tip: `passed in ${seconds(cell.ms)}` };
    case 'failed':
      return { text: '✗', tip: cell.message };
    case 'refused':
      return { text: 'refused', tip: `refused: it requires ${cell.requires}` };
    case 'left-out':
      return { text: '–', tip: `left out: the manifest lacks ${cell.lacks}` };
    case 'not-run':
      return { text: '?', tip: `not run: ${cell.why}` };
  }
}

function anchor(backend: string, id: string): string {
  return `${backend}-${id}`.replaceAll(/[^\w-]/g, '-');
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
