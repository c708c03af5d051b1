import { writeSync } from 'node:fs';

/** Where `npm test` listens. */
export const COUNTS_FD = 3;

/** Vitest reporter: writes how many tests passed and failed to a pipe. */
export default class CountReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    for (const module of modules) {
      // An error in a file, or in a hook of a suite, belongs to no test.
      counts.failed += module.errors().length;
      for (const suite of module.children.allSuites()) counts.failed += suite.errors().length;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') counts.passed += 1;
        else if (state === 'failed') counts.failed += 1;
        else counts.skipped += 1;
      }
    }
    writeSync(COUNTS_FD, JSON.stringify(counts));
  }
}
