import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describeConformance, urlSubject } from '@holdfast/core/conformance';
import { afterAll, describe, test } from 'vitest';

const directory = mkdtempSync(join(tmpdir(), 'holdfast-conformance-'));
afterAll(() => rmSync(directory, { recursive: true }));

await describeConformance(urlSubject(pathToFileURL(directory).href), { describe, test });
