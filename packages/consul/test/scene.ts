import { createLocks } from '@holdfast/core';
import type { Locks } from '@holdfast/core';
import { Peer } from '@holdfast/core/conformance';
import { startServer } from '@holdfast/testbed';
import type { RunningServer, ServerOptions } from '@holdfast/testbed';
import { onTestFinished } from 'vitest';

/** A server of the test's own, which it may freeze and restart. */
export async function ownServer(options?: ServerOptions): Promise<RunningServer> {
  const server = await startServer('consul', options);
  onTestFinished(() => server.stop());
  return server;
}

export async function open(url: string): Promise<Locks> {
  const locks = await createLocks(url);
  onTestFinished(() => locks.close());
  return locks;
}

export async function openPeer(url: string): Promise<Peer> {
  const peer = await Peer.start({ kind: 'process', data: () => url });
  onTestFinished(() => peer.kill());
  return peer;
}

export interface SessionInfo {
  readonly ID: string;
  readonly TTL: string;
  readonly LockDelay: number;
  readonly NodeChecks: readonly string[];
}

/** Another client of the agent's API, such as an operator's. */
export class Operator {
  readonly #base: string;
  readonly #headers: Record<string, string>;

  constructor(url: string) {
    const { host, username } = new URL(url);
    this.#base = `http://${host}/v1/`;
    this.#headers = username === '' ? {} : { 'X-Consul-Token': decodeURIComponent(username) };
  }

  async ask(method: 'GET' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`${this.#base}${path}`, {
      method,
      headers: this.#headers,
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok && response.status !== 404) throw new Error(`${path} answered ${response.status} ${text}`);
    return response.ok ? JSON.parse(text) : undefined;
  }

  async sessions(): Promise<readonly SessionInfo[]> {
    return (await this.ask('GET', 'session/list')) as readonly SessionInfo[];
  }

  async destroySessions(but: readonly string[] = []): Promise<void> {
    const all = await this.sessions();
    await Promise.all(
      all.filter(({ ID }) => !but.includes(ID)).map(({ ID }) => this.ask('PUT', `session/destroy/${ID}`)),
    );
  }
}

export function lost(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason);
    else signal.addEventListener('abort', () => resolve(signal.reason), { once: true });
  });
}
