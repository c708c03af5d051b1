import type { Etcd3, ILeaseGrantResponse } from 'etcd3';
import type { CallOptions, Connection } from './connection.ts';

export function grant(client: Etcd3, id: string, seconds: number, options: CallOptions): Promise<ILeaseGrantResponse> {
  return client.leaseClient.leaseGrant({ ID: id, TTL: seconds }, options);
}

/**
 * One heartbeat, on a stream of its own: an open stream would keep the process alive, and one every third of a ttl costs
 * nothing. `false`: the server does not know the lease (any more).
 */
export async function keepAlive(client: Etcd3, id: string, options: CallOptions): Promise<boolean> {
  const stream = await client.leaseClient.leaseKeepAlive(options);
  return new Promise((resolve, reject) => {
    stream.on('data', ({ TTL }) => {
      resolve(Number(TTL) > 0);
      stream.end();
    });
    stream.on('error', reject);
    stream.on('end', () => reject(new Error('The server ended the stream of a heartbeat without an answer')));
    stream.write({ ID: id });
  });
}

/** Once, and not later: the lease ends by itself as well. */
export async function revoke(connection: Connection, id: string): Promise<void> {
  await connection.once((client, options) => client.leaseClient.leaseRevoke({ ID: id }, options));
}
