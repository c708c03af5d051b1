/** The table of contents: one file per behaviour. */
import type { ConformanceCase } from '../case.ts';
import { abort } from './abort.ts';
import { alive } from './alive.ts';
import { close } from './close.ts';
import { events } from './events.ts';
import { exclusion } from './exclusion.ts';
import { fencing } from './fencing.ts';
import { input } from './input.ts';
import { loss } from './loss.ts';
import { names } from './names.ts';
import { outage } from './outage.ts';
import { processLife } from './process-life.ts';
import { query } from './query.ts';
import { release } from './release.ts';
import { renewal } from './renewal.ts';
import { requests } from './requests.ts';
import { semaphore } from './semaphore.ts';
import { shared } from './shared.ts';
import { steal } from './steal.ts';
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
  ...outage,
  ...release,
  ...waiting,
  ...names,
  ...input,
  ...shared,
  ...semaphore,
  ...steal,
  ...requests,
  ...query,
  ...events,
  ...processLife,
];
