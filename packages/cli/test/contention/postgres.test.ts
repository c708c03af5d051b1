import { sharedServer } from '@holdfast/testbed';
import { test } from 'vitest';
import { checkContention } from './check.ts';

test(
  '20 processes add to one counter 50 times each on PostgreSQL: exact, while holders are killed and frozen',
  { timeout: 900_000 },
  async () => {
    const { url } = await sharedServer('postgres');
    await checkContention(url);
  },
);
