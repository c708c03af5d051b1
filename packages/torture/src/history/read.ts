import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HistoryEvent } from './events.ts';

export const HISTORY_SUFFIX = '.history.jsonl';

/** All events of a run, in the order of their times. */
export async function readHistory(directory: string): Promise<HistoryEvent[]> {
  const files = (await readdir(directory)).filter((file) => file.endsWith(HISTORY_SUFFIX)).sort();
  const events: HistoryEvent[] = [];
  for (const file of files) {
    for (const event of parseHistory(await readFile(join(directory, file), 'utf8'))) events.push(event);
  }
  return events.sort((a, b) => a.t - b.t);
}

/** A last line without its end was never written whole, so it did not happen; any other bad line is an error. */
export function parseHistory(text: string): HistoryEvent[] {
  const lines = text.split('\n');
  lines.pop();
  return lines.map((line) => JSON.parse(line) as HistoryEvent);
}
