import { freePort } from '../port.ts';
import type { RunningServer } from '../server.ts';
import { startServer } from '../start.ts';

export interface ConsulCluster extends AsyncDisposable {
  /** Of all members. */
  readonly url: string;
  readonly members: readonly RunningServer[];
}

/** Servers of one cluster, from the binary, on loopback addresses of their own: Linux only. */
export async function startConsulCluster(size = 3): Promise<ConsulCluster> {
  const port = await freePort();
  const addresses = Array.from({ length: size }, (_, i) => `127.${port >> 8}.${port & 255}.${i + 11}`);
  const cluster = [
    `-bootstrap-expect=${size}`,
    '-retry-interval=1s',
    ...addresses.map((address) => `-retry-join=${address}`),
  ];
  const starts = addresses.map((address, i) =>
    startServer('consul', { source: 'native', args: [...cluster, `-node=member${i}`, `-bind=${address}`] }),
  );
  const outcomes = await Promise.allSettled(starts);
  const members = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const stop = async (): Promise<void> => void (await Promise.all(members.map((member) => member.stop())));
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) {
    await stop();
    throw failed.reason;
  }
  const [first] = members;
  return {
    url: (first?.url ?? '').replace(/127\.0\.0\.1:\d+/, members.map((member) => `127.0.0.1:${member.port}`).join(',')),
    members,
    [Symbol.asyncDispose]: stop,
  };
}
