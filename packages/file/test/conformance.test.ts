import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describeConformance, urlSubject } from '@holdfast/core/conformance';
import { afterAll, describe, test } from 'vitest';

// On a disk and in memory: the calls to the kernel differ.
for (const parent of [tmpdir(), '/dev/shm'].filter((path) => existsSync(path))) {
  const directory = mkdtempSync(join(parent, 'holdfast-conformance-'));
  afterAll(() => rmSync(directory, { recursive: true }));
  const subject = { ...urlSubject(pathToFileURL(directory).href), name: `file in ${parent}` };
  await describeConformance(subject, { describe, test });
}
