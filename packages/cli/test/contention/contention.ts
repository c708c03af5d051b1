import { sharedServer } from '@holdfast/testbed';
import type { ServerName } from '@holdfast/testbed';
import { test } from 'vitest';
import { checkContention } from './check.ts';

/** Each addition of each client is a process of its own: 400 starts of `holdfast` are what a run of all backends has time for. */
const ADDITIONS = Number(process.env['HOLDFAST_TEST_ADDITIONS'] ?? 20);

/** The test of one backend: on `server`, or on files. */
export function contention(title: string, server?: ServerName): void {
  test(
    `20 processes add to one counter ${ADDITIONS} times each on ${title}: exact, while holders are killed and frozen`,
    { timeout: 900_000 },
    async () => {
      await checkContention(ADDITIONS, server === undefined ? undefined : (await sharedServer(server)).url);
    },
  );
}
