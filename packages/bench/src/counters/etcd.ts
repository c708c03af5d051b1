import { counterOf } from './counter.ts';
import type { Counter } from './counter.ts';
import { sumOf } from './prometheus.ts';

/** Messages, because a watch or a heartbeat is many in one call. */
export function etcdCounter(url: string): Counter {
  const metrics = `${url.replace(/^etcd:/, 'http:')}/metrics`;
  return counterOf('messages', () => sumOf(metrics, 'grpc_server_msg_received_total'), 0);
}
