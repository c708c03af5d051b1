import { createServer, request as forward } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/**
 * `lose`: the agent is asked, and its answer does not arrive: the connection breaks. `late`: that, too, and the agent is asked much
 * later, as by an agent that was frozen.
 */
export type Fate = 'pass' | 'lose' | 'late';

/** An HTTP proxy in front of an agent which counts what it is asked, as `PUT txn` or `GET kv`, and may hold it up. */
export class CountingProxy {
  readonly url: string;
  /** Decides what becomes of a transaction; it is sent on once this has decided. */
  onTransaction: ((operations: readonly SentOperation[]) => Fate | Promise<Fate>) | undefined;
  readonly #late: (() => Promise<void>)[] = [];
  #counts: Record<string, number> = {};
  /** Of all answers, without their heads. */
  bytes = 0;

  private constructor(url: string) {
    this.url = url;
  }

  static async start(target: string): Promise<CountingProxy> {
    const { hostname: host, port } = new URL(target);
    const server = createServer((question, response) => {
      const [, what = ''] = /^\/v1\/(kv|txn|session\/\w+)/.exec(question.url ?? '') ?? [];
      proxy.#count(`${question.method} ${what}`);
      const { url: path, method, headers } = question;
      void bodyOf(question).then(async (body) => {
        const fate = (what === 'txn' && (await proxy.onTransaction?.(operationsOf(body)))) || 'pass';
        if (fate === 'late') {
          proxy.#late.push(async () => {
            await fetch(`http://${host}:${port}${path}`, { method: method ?? '', body: new Uint8Array(body) });
          });
          return response.destroy();
        }
        const onward = forward({ host, port, path, method, headers }, (answer) => {
          if (fate === 'lose') return response.destroy();
          response.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.on('data', (chunk: Buffer) => (proxy.bytes += chunk.length));
          answer.pipe(response);
        });
        onward.on('error', () => response.destroy());
        if (fate === 'pass') response.on('close', () => onward.destroy());
        onward.end(body);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const proxy = new CountingProxy(target.replace(`:${port}`, `:${(server.address() as AddressInfo).port}`));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return proxy;
  }

  /** What was to be late arrives now. */
  async deliver(): Promise<number> {
    const all = this.#late.splice(0);
    for (const send of all) await send();
    return all.length;
  }

  /** What is asked during `work`. */
  async counts(work: () => Promise<unknown>): Promise<Record<string, number>> {
    this.#counts = {};
    await work();
    return this.#counts;
  }

  #count(what: string): void {
    this.#counts[what] = (this.#counts[what] ?? 0) + 1;
  }
}

/** As Consul's HTTP API has it. */
export interface SentOperation {
  readonly Verb: string;
  readonly Key: string;
  readonly Flags?: number;
}

async function bodyOf(question: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of question) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function operationsOf(body: Buffer): SentOperation[] {
  return (JSON.parse(body.toString()) as { KV: SentOperation }[]).map(({ KV }) => KV);
}

/** Whether it is a release that grants the lock to the next one. */
export function grants(operations: readonly SentOperation[]): boolean {
  return operations.some(({ Verb, Flags }) => Verb === 'lock' && Flags === 1) && verbs(operations).includes('delete');
}

export function verbs(operations: readonly SentOperation[]): string[] {
  return operations.map(({ Verb }) => Verb);
}
