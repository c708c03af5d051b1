import { Etcd3 } from 'etcd3';

/** What the server counts, by the first part of the line: `grpc_server_started_total{grpc_method="Txn"`. */
export async function metrics(host: string, method: string, name = 'grpc_server_started_total'): Promise<number> {
  const text = await (await fetch(`http://${host}/metrics`)).text();
  const lines = text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) && line.includes(`grpc_method="${method}"`));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

export function hostOf(url: string): string {
  return new URL(url).host;
}

/** A client that the tests use to look and to do harm. */
export function rawClient(url: string, auth?: { username: string; password: string }): Etcd3 {
  return new Etcd3({ hosts: hostOf(url), ...(auth === undefined ? {} : { auth }) });
}

export async function leases(client: Etcd3): Promise<string[]> {
  return (await client.leaseClient.leaseLeases()).leases.map(({ ID }) => ID);
}
