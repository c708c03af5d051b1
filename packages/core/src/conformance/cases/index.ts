/** The table of contents: one file per behaviour. */
import type { ConformanceCase } from '../case.ts';
import { abort } from './abort.ts';
import { alive } from './alive.ts';
import { close } from './close.ts';
import { exclusion } from './exclusion.ts';
import { fencing } from './fencing.ts';
import { loss } from './loss.ts';
import { release } from './release.ts';
import { renewal } from './renewal.ts';
import { takeover } from './takeover.ts';
import { waiting } from './waiting.ts';

export const cases: readonly ConformanceCase[] = [
  ...exclusion,
  ...fencing,
  ...takeover,
  ...renewal,
  ...loss,
  ...alive,
  ...abort,
  ...close,
  ...release,
  ...waiting,
];
