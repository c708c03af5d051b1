/**
 * What was done, one line for each tick. A file that is only ever appended to can't refuse a late line; those who read it can:
 * a line with a smaller token than one above it was written by somebody who had lost the lock by then, and does not count.
 */
import { appendFile, readFile } from 'node:fs/promises';

export interface Entry {
  readonly token: bigint;
  readonly tick: number;
  readonly node: string;
}

export async function append(file: string, { token, tick, node }: Entry): Promise<void> {
  await appendFile(file, `${token} ${tick} ${node}\n`);
}

/** Those that count, in order. */
export async function entries(file: string): Promise<Entry[]> {
  let newest = 0n;
  const valid: Entry[] = [];
  for (const line of (await contents(file)).split('\n').slice(0, -1)) {
    const [token = '', tick = '', node = ''] = line.split(' ');
    if (BigInt(token) < newest) continue;
    newest = BigInt(token);
    valid.push({ token: newest, tick: Number(tick), node });
  }
  return valid;
}

export async function lastTick(file: string): Promise<number | undefined> {
  return (await entries(file)).at(-1)?.tick;
}

async function contents(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
