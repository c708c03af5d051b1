/**
 * A name as one path segment. Injective: percent-encoding is, and what ZooKeeper refuses in a path (`/`, control characters, surrogates)
 * is encoded; so are the dots of `.` and `..`, which `encodeURIComponent` would leave.
 */
export function segmentOf(name: string): string {
  return encodeURIComponent(name).replace(/^\.+$/, (dots) => dots.replaceAll('.', '%2E'));
}

export function nameOf(segment: string): string {
  return decodeURIComponent(segment);
}

/** Every path from the first segment down to `path` itself. */
export function ancestors(path: string): string[] {
  const segments = path.split('/').slice(1);
  return segments.map((_, index) => `/${segments.slice(0, index + 1).join('/')}`);
}
