/** The table of contents: one file per behaviour. */
import type { ConformanceCase } from '../case.ts';
import { abort } from './abort.ts';
import { exclusion } from './exclusion.ts';
import { fencing } from './fencing.ts';
import { takeover } from './takeover.ts';

export const cases: readonly ConformanceCase[] = [...exclusion, ...fencing, ...takeover, ...abort];
