import type { LockInfo, LockSnapshot } from '@holdfast/core';
import { printable } from './output.ts';
import { table } from './table.ts';

interface LockJson {
  readonly name: string;
  readonly mode: string;
  readonly clientId: string;
  /** A string: 63 bits are more than a JSON number holds. */
  readonly fencingToken?: string;
  readonly permits?: number;
  readonly host?: string;
  readonly pid?: number;
  /** ISO 8601. */
  readonly since?: string;
}

export function snapshotJson(snapshot: LockSnapshot): { readonly held: LockJson[]; readonly pending: LockJson[] } {
  return { held: snapshot.held.map(toJson), pending: snapshot.pending.map(toJson) };
}

export function snapshotTable(snapshot: LockSnapshot, now: Date): string {
  const row = (state: string, info: LockInfo): string[] => [
    printable(info.name),
    state,
    info.permits === undefined ? info.mode : `${info.mode} of ${info.permits}`,
    info.fencingToken === undefined ? '-' : String(info.fencingToken),
    info.host === undefined ? printable(info.clientId) : printable(`${info.host}:${info.pid ?? '?'}`),
    info.since === undefined ? '-' : age(now.getTime() - info.since.getTime()),
  ];
  const names = [...new Set([...snapshot.held, ...snapshot.pending].map((info) => info.name))].toSorted();
  const rows = names.flatMap((name) => [
    ...snapshot.held.filter((info) => info.name === name).map((info) => row('held', info)),
    ...snapshot.pending.filter((info) => info.name === name).map((info) => row('waits', info)),
  ]);
  return table([['NAME', 'STATE', 'MODE', 'FENCING TOKEN', 'BY', 'FOR'], ...rows]);
}

function toJson({ name, mode, clientId, fencingToken, permits, host, pid, since }: LockInfo): LockJson {
  return {
    name,
    mode,
    clientId,
    ...(fencingToken === undefined ? {} : { fencingToken: String(fencingToken) }),
    ...(permits === undefined ? {} : { permits }),
    ...(host === undefined ? {} : { host }),
    ...(pid === undefined ? {} : { pid }),
    ...(since === undefined ? {} : { since: since.toISOString() }),
  };
}

/** The backend's clock and ours may differ by a little. */
function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${seconds % 60}s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h ${Math.floor((seconds % 3600) / 60)}m`;
  return `${Math.floor(seconds / 86_400)}d ${Math.floor((seconds % 86_400) / 3600)}h`;
}
