import { counterOf } from './counter.ts';
import type { Counter } from './counter.ts';
import { sumOf } from './prometheus.ts';

/** What an agent must be started with so that its metrics are not only those of the last ten seconds. */
export const consulTelemetry = 'telemetry { prometheus_retention_time = "24h" }';

/** A blocking query is counted when it is answered. */
export function consulCounter(url: string): Counter {
  const { host } = new URL(url);
  const metrics = `http://${host}/v1/agent/metrics?format=prometheus`;
  return counterOf('HTTP requests', () => sumOf(metrics, 'consul_api_http_count'), 1);
}
