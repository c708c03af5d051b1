import { chooseBackend as choose } from '@holdfast/core/config';
import type { BackendChoice } from '@holdfast/core/config';

export { openChoice as openLocks } from '@holdfast/core/config';
export type { BackendChoice } from '@holdfast/core/config';

/** Files in the user's state directory: the processes of one user on one host, with nothing to install. */
const FALLBACK_URL = 'file:';

/**
 * `wish` (a URL or a configured name) if the user gave one with `source`, else `HOLDFAST_URL`, else the config file's default,
 * else files in the user's state directory.
 */
export function chooseBackend(source: string, wish: string | undefined): Promise<BackendChoice> {
  return choose({ wish: wish === undefined ? undefined : { source, value: wish }, fallback: FALLBACK_URL });
}
