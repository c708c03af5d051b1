import { redactUrl } from '@holdfast/core';
import type { BackendChoice } from './backend.ts';

/** What was chosen and why, as `doctor` says it: without user names, passwords and values of options. */
export interface Explanation {
  readonly backend: string;
  readonly chosenBy: string;
  /** Given as well, and not followed. */
  readonly overrides: readonly string[];
  readonly file: { readonly path: string; readonly backends: readonly string[] } | null;
  /** Names of the adapter's options. */
  readonly options: readonly string[];
  readonly ttl?: number | string;
  readonly timeout?: number | string;
  readonly clientId?: string;
}

export function explain({ config, source, field, file, overridden }: BackendChoice): Explanation {
  const { backend, options = {}, ttl, timeout, clientId } = config;
  return {
    backend: redactUrl(backend),
    chosenBy: chosenBy(source, field, file?.path),
    overrides: overridden.map((given) => (given === 'HOLDFAST_URL' ? given : `\`${given}\` of the file`)),
    file: file === undefined ? null : { path: file.path, backends: file.names },
    options: Object.keys(options),
    ...(ttl === undefined ? {} : { ttl }),
    ...(timeout === undefined ? {} : { timeout }),
    ...(clientId === undefined ? {} : { clientId }),
  };
}

function chosenBy(source: string | undefined, field: string | undefined, path: string | undefined): string {
  if (source === undefined) return 'default, since nothing else is configured';
  if (field === undefined) return source;
  return source === path ? `${path}, \`${field}\`` : `${source}, \`${field}\` of the file`;
}

/** A line each, only for what there is to say. */
export function explanationLines(explanation: Explanation, directory: string): [string, string][] {
  const { backend, chosenBy, overrides, file, options } = explanation;
  const locks = (['ttl', 'timeout', 'clientId'] as const).flatMap((key) => {
    const value = explanation[key];
    return value === undefined ? [] : [`${key} ${typeof value === 'number' ? `${value}ms` : value}`];
  });
  const lines: [string, string][] = [
    ['Backend', backend],
    ['Chosen by', chosenBy],
    ['Overrides', overrides.join(', ')],
    ['File', file === null ? `none from ${directory} upwards` : fileLine(file)],
    ['Options', options.length === 0 ? '' : `${options.join(', ')} (values not shown)`],
    ['Locks', locks.join(', ')],
  ];
  return lines.filter(([, words]) => words !== '');
}

function fileLine({ path, backends }: NonNullable<Explanation['file']>): string {
  return `${path} (${backends.length === 0 ? 'no backend' : backends.join(', ')})`;
}
