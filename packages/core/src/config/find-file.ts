import { lstatSync, statSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { ConfigError } from '../errors.ts';

export type ConfigKind = '.json' | '.mjs' | '.ts';

export interface ConfigFile {
  readonly path: string;
  readonly kind: ConfigKind;
}

const NAME = 'holdfast.config';
const kinds: readonly ConfigKind[] = ['.json', '.mjs', '.ts'];
/** What somebody may take for one. Passed over in silence it would leave the locks on the wrong backend. */
const mistaken = ['.js', '.cjs', '.mts', '.cts'];

/**
 * The nearest `holdfast.config.json`, `.mjs` or `.ts`, from `directory` upwards. Throws `ConfigError` where there are two in
 * one directory, where it cannot be told, and where a stranger may have put it.
 */
export function findConfigFile(directory: string): ConfigFile | undefined {
  const found = [...kinds, ...mistaken].map((end) => join(directory, NAME + end)).filter(exists);
  const [path, second] = found;
  if (path === undefined) {
    const parent = dirname(directory);
    return parent === directory ? undefined : findConfigFile(parent);
  }
  if (second !== undefined) throw new ConfigError(`Both ${path} and ${second} are there; keep one of them`);
  const kind = kinds.find((known) => known === extname(path));
  if (kind === undefined) throw new ConfigError(`${path} is not read; name it ${NAME}.mjs, or ${NAME}.ts`);
  refuseStrangers(path);
  return { path, kind };
}

function exists(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (cause) {
    // What cannot be seen is not absent: without what it says the wrong backend would be locked.
    throw new ConfigError(`Cannot look for ${path}: ${(cause as NodeJS.ErrnoException).code}`, { cause });
  }
}

/** /tmp is above many a working directory, and what lies there may be anybody's: a module would run with our rights. */
function refuseStrangers(path: string): void {
  const me = process.geteuid?.();
  const { uid } = lstatSync(path);
  const othersWrite = (statSync(dirname(path)).mode & 0o002) !== 0;
  if (me === undefined || uid === me || uid === 0 || !othersWrite) return;
  throw new ConfigError(`${path} belongs to another user and is in a directory that everybody may write to: not read`);
}
