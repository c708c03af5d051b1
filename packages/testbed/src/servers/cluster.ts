import { freePort } from '../port.ts';
import type { RunningServer } from '../server.ts';

/** Servers that know each other; each may be killed, frozen and restarted on its own. */
export interface Cluster extends AsyncDisposable {
  /** Of all members. */
  readonly url: string;
  readonly members: readonly RunningServer[];
}

/** The members that are being started, once all answer. If one fails, the others are stopped. */
export async function clusterOf(starts: readonly Promise<RunningServer>[]): Promise<Cluster> {
  const outcomes = await Promise.allSettled(starts);
  const members = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const stop = async (): Promise<void> => void (await Promise.all(members.map((member) => member.stop())));
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) {
    await stop();
    throw failed.reason;
  }
  const hosts = members.map(({ port }) => `127.0.0.1:${port}`).join(',');
  return { url: (members[0]?.url ?? '').replace(/127\.0\.0\.1:\d+/, hosts), members, [Symbol.asyncDispose]: stop };
}

/** Loopback addresses that no other cluster has: Linux only. */
export async function addressesOf(size: number): Promise<string[]> {
  const port = await freePort();
  return Array.from({ length: size }, (_, i) => `127.${port >> 8}.${port & 255}.${i + 11}`);
}
