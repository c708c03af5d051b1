/**
 * The keys of a name: `holdfast:{name}`, `holdfast:{name}:token`, `holdfast:{name}:holders`, `holdfast:{name}:queue`.
 *
 * The braces are the hash tag that keeps them in one slot. It ends at the first `}`, so `}` is escaped in it, and `%` with
 * it: different names have different tags, and no name can look like a suffix.
 */
export function keysOf(prefix: string, name: string): string[] {
  const tag = /[%}]/.test(name) ? name.replace(/[%}]/g, encodeURIComponent) : name;
  const lock = `${prefix}:{${tag}}`;
  return [lock, `${lock}:token`, `${lock}:holders`, `${lock}:queue`];
}

/** The name whose LOCK or QUEUE key this is: one of the two exists as long as anybody holds or waits. */
export function nameOf(prefix: string, key: string): string | undefined {
  const tag = /^\{([^}]*)\}(?::queue)?$/s.exec(key.slice(prefix.length + 1))?.[1];
  return tag?.replace(/%25|%7D/g, decodeURIComponent);
}

/** What SCAN must match to find all of them. */
export function keyPattern(prefix: string): string {
  return `${prefix.replace(/[\\*?[\]]/g, '\\$&')}:{*`;
}
