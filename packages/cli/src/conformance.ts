import { createLocks, redactUrl } from '@holdfast/core';
import { runConformance, urlSubject } from '@holdfast/core/conformance';
import { reportJson, resultLines, summary } from './conformance-report.ts';
import { EXIT } from './exit-status.ts';
import { print, printable } from './output.ts';

/** Some case failed. */
const FAILED = 1;

export async function conformance(url: string, json: boolean): Promise<number> {
  if (!json) print(`Conformance of ${printable(redactUrl(url))}\n`);
  await assertReachable(url);
  const report = await runConformance(
    urlSubject(url),
    json ? {} : { onResult: (result) => print(resultLines(result)) },
  );
  print(json ? JSON.stringify(reportJson(report), null, 2) : `\n${summary(report)}`);
  return report.results.some(({ outcome }) => outcome === 'failed') ? FAILED : EXIT.ok;
}

/** Else every case would fail for the same reason, one after the other. */
async function assertReachable(url: string): Promise<void> {
  const locks = await createLocks(url);
  try {
    await locks.diagnose();
  } finally {
    await locks.close();
  }
}
