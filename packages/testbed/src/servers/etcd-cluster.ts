import { freePort } from '../port.ts';
import type { RunningServer } from '../server.ts';
import { startServer } from '../start.ts';

export interface EtcdCluster extends AsyncDisposable {
  /** Of all members. */
  readonly url: string;
  readonly members: readonly RunningServer[];
}

/** Members of one cluster, from the binary: they have to reach each other, which containers on ports of the host can't. */
export async function startEtcdCluster(size = 3): Promise<EtcdCluster> {
  const peers: string[] = [];
  for (let i = 0; i < size; i += 1) peers.push(`http://127.0.0.1:${await freePort()}`);
  const cluster = ['--initial-cluster', peers.map((peer, i) => `member${i}=${peer}`).join(',')];
  const starts = peers.map((peer, i) => {
    const own = ['--name', `member${i}`, '--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer];
    return startServer('etcd', { source: 'native', args: [...cluster, ...own] });
  });
  const outcomes = await Promise.allSettled(starts);
  const members = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const stop = async (): Promise<void> => void (await Promise.all(members.map((member) => member.stop())));
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) {
    await stop();
    throw failed.reason;
  }
  return {
    url: `etcd://${members.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    members,
    [Symbol.asyncDispose]: stop,
  };
}
