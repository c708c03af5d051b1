import type { ClientInfo, LockRequest, RequestMode } from '@holdfast/core/adapter';

const kinds: Record<RequestMode, string> = { exclusive: 'x', shared: 's', semaphore: 'p' };
const modes: Readonly<Record<string, RequestMode>> = { x: 'exclusive', s: 'shared', p: 'semaphore' };

/** What an entry says beside its owner: one object for all requests of a client with the same options. */
export interface Terms {
  readonly kind: string;
  /** `<permits> <ttl> <channel> <how> <pid> <client id> <host>` */
  readonly rest: string;
}

/**
 * A request as the server keeps it: `<kind> <owner> <permits> <ttl> <channel> <how> <pid> <client id> <host>`. The
 * same for its whole life, so that every script can find it again without an index.
 */
export function entryOf(owner: string, { kind, rest }: Terms): string {
  return `${kind} ${owner} ${rest}`;
}

/** Makes the terms of requests whose messages go to one channel. */
export class TermsMaker {
  readonly #channel: string;
  /** Options seldom differ from one request to the next. */
  #last:
    | { readonly key: Pick<LockRequest, 'mode' | 'permits' | 'ttlMs' | 'steal' | 'client'>; readonly terms: Terms }
    | undefined;

  constructor(channel: string) {
    this.#channel = channel;
  }

  of({ mode, permits, ttlMs, steal, client }: LockRequest): Terms {
    const last = this.#last?.key;
    if (
      this.#last !== undefined &&
      last?.mode === mode &&
      last.permits === permits &&
      last.ttlMs === ttlMs &&
      last.steal === steal &&
      last.client === client
    )
      return this.#last.terms;
    const how = steal ? 'steal' : '-';
    const rest = `${permits ?? 0} ${Math.ceil(ttlMs)} ${this.#channel} ${how} ${who(client)}`;
    const terms = { kind: kinds[mode], rest };
    this.#last = { key: { mode, ttlMs, steal, client, ...(permits === undefined ? {} : { permits }) }, terms };
    return terms;
  }
}

function who({ pid, id, host }: ClientInfo): string {
  return `${pid} ${encodeURIComponent(id)} ${encodeURIComponent(host)}`;
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
