import { nowMs } from '../clock.ts';
import type { Contender, Notification } from '../contender.ts';
import { holdfast } from './holdfast.ts';

/** One question to the agent, through the HTTP client that Holdfast's adapter uses: there is no lock on npm for Consul that is kept up. */
interface Agent {
  put(path: string, body?: unknown): Promise<string>;
  /** A blocking query, from `index` on; resolves with the index of the next. */
  change(key: string, index: number): Promise<number>;
  close(): Promise<void>;
}

const TIMEOUT_MS = 60_000;

async function connected(url: string): Promise<Agent> {
  const { Http } = await import('../../../consul/dist/http.js');
  const http = new Http({ tls: undefined, token: undefined });
  const { hostname, port } = new URL(url);
  const host = { host: hostname, port: Number(port) };
  return {
    async put(path, body) {
      const { status, text } = await http.exchange(host, {
        method: 'PUT',
        path: `/v1/${path}`,
        body,
        timeoutMs: TIMEOUT_MS,
      });
      if (status !== 200) throw new Error(`Consul answered ${status}: ${text}`);
      return text;
    },
    async change(key, index) {
      const path = `/v1/kv/${key}${index > 0 ? `?index=${index}&wait=30s` : ''}`;
      const { header } = await http.exchange(host, { method: 'GET', path, timeoutMs: TIMEOUT_MS });
      return Number(header('x-consul-index'));
    },
    close: () => Promise.resolve(http.close()),
  };
}

/** From a write of a key until the blocking query of another connection is answered. */
const notification: Notification = {
  async sender(url) {
    const agent = await connected(url);
    let sent = 0;
    return {
      arm: () => Promise.resolve(),
      send: () => agent.put('kv/bench', { sent: (sent += 1) }),
      close: () => agent.close(),
    };
  },
  async receiver(url) {
    const agent = await connected(url);
    return {
      async listen() {
        const index = await agent.change('bench', 0);
        return { heard: agent.change('bench', index).then(nowMs) };
      },
      close: () => agent.close(),
    };
  },
};

const SESSION = { TTL: '24h', Behavior: 'delete', LockDelay: '0s', NodeChecks: [], ServiceChecks: [] };

/** A key is locked with a session, and unlocked: two writes that Raft must agree on. */
const raw: Contender = {
  name: 'two PUTs of a key',
  role: 'raw',
  async open(url) {
    const agent = await connected(url);
    const { ID: id } = JSON.parse(await agent.put('session/create', SESSION)) as { ID: string };
    return {
      async acquire(name) {
        await agent.put(`kv/${name}?acquire=${id}`, 'x');
        return () => agent.put(`kv/${name}?release=${id}`, 'x');
      },
      async close() {
        await agent.put(`session/destroy/${id}`);
        await agent.close();
      },
    };
  },
  notification,
};

export const contenders: readonly Contender[] = [raw, holdfast];
