import { createServer, request as forward } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** An HTTP proxy in front of an agent which counts what it is asked, as `PUT txn` or `GET kv`. */
export class CountingProxy {
  readonly url: string;
  #counts: Record<string, number> = {};

  private constructor(url: string) {
    this.url = url;
  }

  static async start(target: string): Promise<CountingProxy> {
    const { hostname: host, port } = new URL(target);
    const server = createServer((question, response) => {
      const [, what = ''] = /^\/v1\/(kv|txn|session\/\w+)/.exec(question.url ?? '') ?? [];
      proxy.#count(`${question.method} ${what}`);
      const { url: path, method, headers } = question;
      const onward = forward({ host, port, path, method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      });
      onward.on('error', () => response.destroy());
      response.on('close', () => onward.destroy());
      question.pipe(onward);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const proxy = new CountingProxy(target.replace(`:${port}`, `:${(server.address() as AddressInfo).port}`));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return proxy;
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
