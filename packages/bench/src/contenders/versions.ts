import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** `name version`, of a package that is installed here. Some do not export their package.json, so it is read as a file. */
export function versioned(name: string): string {
  const path = join(import.meta.dirname, '../../node_modules', name, 'package.json');
  const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version: string };
  return `${name} ${version}`;
}
