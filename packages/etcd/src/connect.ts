import { noop } from 'cockatiel';
import type { IOptions } from 'etcd3';
import { Connection } from './connection.ts';
import { DirectClient } from './direct-client.ts';
import type { ResolvedOptions } from './options.ts';

const grpcOptions = {
  // A reconnect every second at the latest: grpc-js would wait for up to two minutes.
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
  // Below 5 s the server closes the connection.
  'grpc.keepalive_time_ms': 6000,
  'grpc.keepalive_timeout_ms': 2000,
  'grpc.max_receive_message_length': -1,
  'grpc.enable_channelz': 0,
};

/** Nothing is sent before the first request. */
export function connect(options: ResolvedOptions): Connection {
  const { client, hosts, timeoutMs, patienceMs } = options;
  const common = { timeoutMs, patienceMs };
  if (client !== undefined) return new Connection({ clients: [client], owned: false, ...common });
  return new Connection({ clients: hosts.map((host) => clientOf(host, options)), owned: true, ...common });
}

function clientOf(host: string, { auth, tls, timeoutMs }: ResolvedOptions): DirectClient {
  const options: IOptions = {
    hosts: tls === undefined ? host : `https://${host}`,
    grpcOptions,
    // etcd3's own would refuse all calls for 5 s after three failures, and repeat calls that are not safe to repeat.
    faultHandling: { host: () => noop, global: noop },
  };
  if (tls?.ca !== undefined) {
    const { ca: rootCertificate, key: privateKey, cert: certChain } = tls;
    options.credentials = { rootCertificate, ...(privateKey && certChain ? { privateKey, certChain } : {}) };
  }
  if (auth !== undefined) options.auth = { ...auth, callOptions: () => ({ deadline: Date.now() + timeoutMs }) };
  return new DirectClient(options);
}
