import { parseArgs } from 'node:util';
import { cases } from '@holdfast/core/conformance';
import type { ConformanceCase } from '@holdfast/core/conformance';
import type { Source } from '@holdfast/testbed';
import { backendNamed, backends } from './backends.ts';
import type { Backend } from './backends.ts';
import { defaultAtOnce } from './run/turns.ts';

export const usage =
  'npm run conformance -- [--backend redis,etcd,…] [--via container|native|external] [--cases fencing,takeover/killed-holder,…] [--at-once N] [--output conformance-output]';

export interface RunOptions {
  readonly backends: readonly Backend[];
  /** Default: the first source that works. */
  readonly via: Source | undefined;
  readonly cases: readonly ConformanceCase[];
  /** How many backends run at the same time, at most. */
  readonly atOnce: number;
  readonly output: string;
}

/** Throws an `Error` with what was expected and what was given. */
export function parseRunOptions(args: readonly string[]): RunOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      backend: { type: 'string' },
      via: { type: 'string' },
      cases: { type: 'string' },
      'at-once': { type: 'string', default: `${defaultAtOnce()}` },
      output: { type: 'string', default: 'conformance-output' },
    },
  });
  return {
    backends: chosen(values.backend),
    via: source(values.via),
    cases: chosenCases(values.cases),
    atOnce: count(values['at-once']),
    output: values.output,
  };
}

function chosen(list: string | undefined): readonly Backend[] {
  if (list === undefined) return backends.filter(({ onRequest }) => onRequest !== true);
  const names = parts('backend', list);
  return names.map((name) => {
    const backend = backendNamed(name);
    if (backend !== undefined) return backend;
    const known = backends.map((candidate) => candidate.name).join(', ');
    throw new Error(`Expected --backend to be out of ${known}; got ${name}\n${usage}`);
  });
}

/** By their ids or by their sections. */
function chosenCases(list: string | undefined): readonly ConformanceCase[] {
  if (list === undefined) return cases;
  const names = parts('cases', list);
  for (const name of names) {
    if (!cases.some((testCase) => isNamed(testCase, name)))
      throw new Error(`Expected --cases to be ids of cases or their first parts; got ${name}\n${usage}`);
  }
  return cases.filter((testCase) => names.some((name) => isNamed(testCase, name)));
}

function isNamed({ id }: ConformanceCase, name: string): boolean {
  return id === name || id.startsWith(`${name}/`);
}

function parts(option: string, list: string): string[] {
  const names = [...new Set(list.split(',').filter((name) => name !== ''))];
  if (names.length === 0) throw new Error(`Expected --${option} to name at least one\n${usage}`);
  return names;
}

function source(via: string | undefined): Source | undefined {
  if (via === undefined || via === 'container' || via === 'native' || via === 'external') return via;
  throw new Error(`Expected --via to be container, native or external, got ${via}\n${usage}`);
}

function count(text: string): number {
  if (/^[1-9]\d?$/.test(text)) return Number(text);
  throw new Error(`Expected --at-once to be a number from 1 to 99, got ${text}\n${usage}`);
}
