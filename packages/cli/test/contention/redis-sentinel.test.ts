import { startRedisSentinel } from '@holdfast/testbed';
import { onTestFinished, test } from 'vitest';
import { checkContention } from './check.ts';

/** As few as meet all the fates of holders. */
const ADDITIONS = Number(process.env['HOLDFAST_TEST_ADDITIONS'] ?? 13);
/** One has it for sure before it counts: then the other has it, too, when the first word of the failover is spoken. */
const REPLICAS = 1;

test(
  `20 processes add to one counter ${ADDITIONS} times each on Redis Sentinel: exact, while the master is killed and holders are killed and frozen`,
  { timeout: 1_800_000 },
  async () => {
    const set = await startRedisSentinel();
    onTestFinished(() => set[Symbol.asyncDispose]());
    const fault = async (): Promise<void> => {
      const master = await set.master();
      await master?.kill();
    };
    await checkContention(ADDITIONS, `${set.url}?timeout=30s&replicas=${REPLICAS}`, { after: 10 * ADDITIONS, fault });
  },
);
