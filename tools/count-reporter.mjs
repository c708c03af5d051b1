import { writeSync } from 'node:fs';

/** Where `npm test` listens. */
export const COUNTS_FD = 3;
const SHOWN_FAILURES = 50;
const SHOWN_CHARACTERS = 400;

/** Vitest reporter: writes how many tests passed and failed, and which failed why, to a pipe. */
export default class CountReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const counts = { passed: 0, failed: 0, skipped: 0, failures: [] };
    const fail = (where, errors) => {
      counts.failed += 1;
      const [message = 'no reason given'] = errors.map(describe);
      if (counts.failures.length < SHOWN_FAILURES) counts.failures.push(`${where}: ${message}`);
    };
    for (const error of unhandledErrors) fail('outside of all tests', [error]);
    for (const module of modules) {
      const file = `${module.project.name} ${module.relativeModuleId}`;
      // An error in a file, or in a hook of a suite, belongs to no test.
      for (const error of module.errors()) fail(file, [error]);
      for (const suite of module.children.allSuites())
        for (const error of suite.errors()) fail(`${file} > ${suite.fullName}`, [error]);
      for (const test of module.children.allTests()) {
        const { state, errors = [] } = test.result();
        if (state === 'passed') counts.passed += 1;
        else if (state === 'failed') fail(`${file} > ${test.fullName}`, errors);
        else counts.skipped += 1;
      }
    }
    writeSync(COUNTS_FD, JSON.stringify(counts));
  }
}

/** The error in a line; the whole of it stands further up. */
function describe({ name = 'Error', message = '' }) {
  const line = `${name}: ${message}`.replaceAll(/\s+/g, ' ');
  return line.length > SHOWN_CHARACTERS ? `${line.slice(0, SHOWN_CHARACTERS)}…` : line;
}
