import type { ClientInfo, LockRequest, RequestMode } from '@holdfast/core/adapter';

const kinds: Record<RequestMode, string> = { exclusive: 'x', shared: 's', semaphore: 'p' };
const modes: Readonly<Record<string, RequestMode>> = { x: 'exclusive', s: 'shared', p: 'semaphore' };

/**
 * A request as the server keeps it: `<kind> <owner> <permits> <ttl> <channel> <how> <pid> <client id> <host>`. The
 * same for its whole life, so that every script can find it again without an index.
 */
export function entryOf(request: LockRequest, channel: string): string {
  const { mode, owner, permits = 0, steal, client } = request;
  return `${kinds[mode]} ${owner} ${permits} ${ttlOf(request)} ${channel} ${steal ? 'steal' : '-'} ${who(client)}`;
}

const known = new WeakMap<ClientInfo, string>();

/** The same for all requests of a client. */
function who(client: ClientInfo): string {
  let text = known.get(client);
  if (text === undefined) {
    text = `${client.pid} ${encodeURIComponent(client.id)} ${encodeURIComponent(client.host)}`;
    known.set(client, text);
  }
  return text;
}

/** The server counts whole ms. Rounded up, so that its ttl is never shorter than the lease's. */
export function ttlOf(request: LockRequest): number {
  return Math.ceil(request.ttlMs);
}

export interface EntryInfo {
  readonly mode: RequestMode;
  readonly permits?: number;
  readonly client: ClientInfo;
}

export function parseEntry(entry: string): EntryInfo {
  const [kind = '', , permits, , , , pid, id = '', host = ''] = entry.split(' ');
  const mode = modes[kind] ?? 'exclusive';
  return {
    mode,
    ...(mode === 'semaphore' ? { permits: Number(permits) } : {}),
    client: { id: decodeURIComponent(id), host: decodeURIComponent(host), pid: Number(pid) },
  };
}
