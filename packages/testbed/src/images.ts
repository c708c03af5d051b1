import { readFileSync } from 'node:fs';

/** The image of each server, as in docker-compose.yml (a test compares them). */
export const images: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(new URL('../images.json', import.meta.url), 'utf8'),
) as Record<string, string>;
