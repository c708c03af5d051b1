import { test } from 'vitest';
import { checkContention } from './check.ts';

test(
  '20 processes add to one counter 50 times each on files: exact, while holders are killed and frozen',
  { timeout: 600_000 },
  async () => {
    await checkContention();
  },
);
