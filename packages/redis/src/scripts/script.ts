import { createHash } from 'node:crypto';

/** A Lua script and the name under which the server caches it. */
export interface Script {
  readonly lua: string;
  /** SHA-1, as EVALSHA wants it. */
  readonly sha: string;
}

export function script(lua: string): Script {
  return { lua, sha: createHash('sha1').update(lua).digest('hex') };
}

/**
 * How long the last token of a name is kept after its last use, in ms: one hour. While it is, tokens grow even if the
 * server's clock is set back; after it, they grow as long as the clock is set back by less than the name was unused.
 */
export const TOKEN_RETENTION_MS = 3_600_000;
