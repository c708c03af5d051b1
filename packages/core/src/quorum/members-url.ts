/** Between the URLs of two members; not between the hosts of one. */
const BETWEEN = /,(?=[a-z][a-z0-9+.-]*:\/\/|memory:)/i;
const SCHEME = /^quorum:/i;

/** The URLs of the members in `quorum:redis://a,redis://b,redis://c`. */
export function membersIn(url: string): string[] {
  return url.replace(SCHEME, '').split(BETWEEN);
}

export function quorumUrl(members: readonly string[]): string {
  return `quorum:${members.join(',')}`;
}
