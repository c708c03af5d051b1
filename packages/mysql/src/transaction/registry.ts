import type { LockInfo, LockMode, LockSnapshot } from '@holdfast/core/adapter';
import type { Session } from '../session.ts';
import { requests } from '../sql.ts';
import type { Context } from './context.ts';

/** A row of the registry: its transaction is open at this moment, or it would not be there. */
export interface Registered {
  readonly entry: Buffer;
  readonly name: Buffer;
  readonly mode: LockMode;
  /** Absent while it waits. */
  readonly token: bigint | undefined;
  /** The server's id of the connection that holds or waits. */
  readonly connection: string;
  readonly client: string;
  readonly host: string;
  readonly pid: number;
  readonly sinceMicros: bigint;
}

type Columns = readonly [Buffer, Buffer, Buffer, string | null, string, Buffer, Buffer, number, string];

/** In the order in which they came. */
export async function requestsOf(
  { tables }: Context,
  desk: Pick<Session, 'rows'>,
  name: Buffer | undefined,
): Promise<Registered[]> {
  const rows = await desk.rows(requests(tables, name !== undefined), name === undefined ? [] : [name]);
  return (rows as unknown as Columns[]).map(
    ([entry, named, mode, token, connection, client, host, pid, since]): Registered => ({
      entry,
      name: named,
      mode: mode.toString() as LockMode,
      token: token === null ? undefined : BigInt(token),
      connection,
      client: client.toString(),
      host: host.toString(),
      pid,
      sinceMicros: BigInt(since),
    }),
  );
}

export function snapshotOf(registered: readonly Registered[]): LockSnapshot {
  const held = registered.filter(({ token }) => token !== undefined).toSorted(byToken);
  return { held: held.map(info), pending: registered.filter(({ token }) => token === undefined).map(info) };
}

function byToken(a: Registered, b: Registered): number {
  return Number((a.token ?? 0n) - (b.token ?? 0n));
}

function info({ name, mode, token, client, host, pid, sinceMicros }: Registered): LockInfo {
  return {
    name: name.toString(),
    mode,
    clientId: client,
    host,
    pid,
    since: new Date(Number(sinceMicros / 1000n)),
    ...(token === undefined ? {} : { fencingToken: token }),
  };
}
