import { freePort } from '../port.ts';
import type { TestHost } from '../hosts.ts';
import { ServerUnavailableError } from '../server.ts';
import type { RunningServer, ServerKind, ServerOptions } from '../server.ts';
import { allowedSources, startKind } from '../start.ts';

/** Of a member's URL. */
const ADDRESS = /\d+\.\d+\.\d+\.\d+:\d+/;

export interface ClusterOptions extends Pick<ServerOptions, 'source'> {
  /** Default 3. */
  readonly size?: number;
  /** Where the members run, one on each; default: all on this machine. */
  readonly hosts?: readonly TestHost[] | undefined;
}

/** Servers that know each other; each may be killed, frozen and restarted on its own. */
export interface Cluster extends AsyncDisposable {
  /** Of all members. */
  readonly url: string;
  readonly members: readonly RunningServer[];
}

/** A member is of this kind, and gets these arguments more than the others. */
export interface Member {
  readonly kind: ServerKind;
  readonly args?: readonly string[];
}

/** All members from the same source: the first that can start them all. */
export async function startCluster(
  members: readonly Member[],
  { hosts, ...options }: ServerOptions & Pick<ClusterOptions, 'hosts'>,
): Promise<Cluster> {
  const failures: ServerUnavailableError[] = [];
  for (const source of hosts === undefined ? allowedSources(options) : (['native'] as const)) {
    try {
      return await clusterOf(
        members.map(({ kind, args = [] }, i) =>
          startKind(
            { ...kind, hostNetwork: true },
            { ...options, source, host: hosts?.[i], args: [...args, ...(options.args ?? [])] },
          ),
        ),
      );
    } catch (error) {
      if (!(error instanceof ServerUnavailableError)) throw error;
      failures.push(error);
    }
  }
  const name = `a cluster of ${members[0]?.kind.name}`;
  throw new ServerUnavailableError(
    name,
    failures.flatMap(({ reasons }) => reasons),
  );
}

/** The members that are being started, once all answer. If one fails, the others are stopped. */
async function clusterOf(starts: readonly Promise<RunningServer>[]): Promise<Cluster> {
  const outcomes = await Promise.allSettled(starts);
  const members = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const stop = async (): Promise<void> => void (await Promise.all(members.map((member) => member.stop())));
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) {
    await stop();
    throw failed.reason;
  }
  const addresses = members.map(({ url }) => ADDRESS.exec(url)?.[0]).join(',');
  return { url: (members[0]?.url ?? '').replace(ADDRESS, addresses), members, [Symbol.asyncDispose]: stop };
}

/** Of the hosts, else loopback addresses that no other cluster has: Linux only. */
export async function addressesOf({ size = 3, hosts }: ClusterOptions): Promise<string[]> {
  if (hosts !== undefined) return hosts.map(({ address }) => address);
  const port = await freePort();
  return Array.from({ length: size }, (_, i) => `127.${port >> 8}.${port & 255}.${i + 11}`);
}
