import { randomUUID } from 'node:crypto';
import type { Diagnosis, Finding } from '@holdfast/core/adapter';
import type { Connection } from './connection.ts';
import type { Connections } from './connections.ts';
import { unavailable } from './errors.ts';
import type { ResolvedOptions } from './options.ts';
import { queueOf, Queues } from './queue.ts';

/** The first release whose quorum queues can expire and return messages as we need it. */
const OLDEST = [3, 10] as const;
const ANY_TTL_MS = 30_000;

/** Declares a queue and deletes it again: what a lock needs of the broker. */
export async function diagnose(connections: Connections, options: ResolvedOptions): Promise<Diagnosis> {
  const queue = queueOf(options.prefix, `doctor ${randomUUID()}`);
  let server = 'rabbitmq';
  const findings: Finding[] = [];
  try {
    const leased = await connections.lease(ANY_TTL_MS);
    try {
      server = serverOf(leased.connection);
      findings.push(...findingsOf(leased.connection));
      await new Queues(options.expiresMs).prepare(leased.lane, queue);
      await leased.lane.delete(queue);
      findings.push({ level: 'ok', message: 'quorum queues can be declared and written to' });
    } catch (error) {
      void leased.lane.close();
      findings.push({ level: 'error', message: unavailable(error, queue).message });
    } finally {
      connections.giveBack(leased);
    }
  } catch (error) {
    throw unavailable(error);
  }
  return { server, findings };
}

function serverOf({ serverProperties: { product, version } }: Connection): string {
  return `${String(product)} ${String(version)}`;
}

function findingsOf(connection: Connection): Finding[] {
  const { version, cluster_name: cluster } = connection.serverProperties;
  const [major = 0, minor = 0] = String(version).split('.').map(Number);
  const isOld = major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
  const blocked = connection.blocked;
  return [
    { level: 'ok', message: `connected to the cluster ${String(cluster)}` },
    ...(isOld
      ? [{ level: 'error' as const, message: `version ${String(version)} is too old; use 3.10 or later` }]
      : []),
    ...(blocked === undefined
      ? []
      : [{ level: 'error' as const, message: `the broker takes no messages (alarm: ${blocked})` }]),
  ];
}
