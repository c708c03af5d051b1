import { Agent as PlainAgent, request as plain } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { Agent as SecureAgent, request as secure } from 'node:https';
import { UnsentError } from './errors.ts';

export interface Host {
  readonly host: string;
  readonly port: number;
}

export interface TlsOptions {
  readonly ca?: string | Buffer | undefined;
  readonly cert?: string | Buffer | undefined;
  readonly key?: string | Buffer | undefined;
  readonly servername?: string | undefined;
}

export interface HttpOptions {
  readonly tls: TlsOptions | undefined;
  /** Of Consul's ACL system. It is sent in a header, which no error shows. */
  readonly token: string | undefined;
}

export interface Question {
  readonly method: 'GET' | 'PUT';
  /** With the query. */
  readonly path: string;
  readonly body?: unknown;
  /** For the whole exchange, in ms. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface Answer {
  readonly status: number;
  header(name: string): string | undefined;
  readonly text: string;
}

/** The kernel asks a silent peer after so long whether it is still there, in ms. */
const KEEPALIVE_MS = 10_000;

/** Connections to agents, reused, and none of which keeps the process alive. */
export class Http {
  readonly #options: HttpOptions;
  readonly #agent: PlainAgent;

  constructor(options: HttpOptions) {
    this.#options = options;
    const pool = { keepAlive: true, keepAliveMsecs: KEEPALIVE_MS, maxFreeSockets: 16 };
    this.#agent = options.tls === undefined ? new PlainAgent(pool) : new SecureAgent({ ...pool, ...options.tls });
  }

  /** Rejects with `UnsentError` if the request can't have reached the agent; after any other error it may have. */
  async exchange({ host, port }: Host, { method, path, body, timeoutMs, signal }: Question): Promise<Answer> {
    const { tls, token } = this.#options;
    const content = body === undefined ? undefined : JSON.stringify(body);
    const headers = {
      ...(token === undefined ? {} : { 'X-Consul-Token': token }),
      ...(content === undefined
        ? {}
        : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(content) }),
    };
    const request = (tls === undefined ? plain : secure)({ host, port, method, path, headers, agent: this.#agent });
    const tooLate = (): void =>
      void request.destroy(new Error(`no answer from ${host}:${port} within ${timeoutMs} ms`));
    const timer = setTimeout(tooLate, timeoutMs).unref();
    const abort = (): void => void request.destroy(new Error('aborted'));
    signal?.addEventListener('abort', abort, { once: true });
    const isSent = watchConnection(request);
    try {
      if (signal?.aborted) abort();
      return await read(await responseTo(request, content));
    } catch (error) {
      if (isSent()) throw error;
      throw new UnsentError(`cannot connect to ${host}:${port}: ${reason(error)}`, { cause: error });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    }
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** Tells whether a connection was there, so that bytes may have left. */
function watchConnection(request: ClientRequest): () => boolean {
  let connected = false;
  request.once('socket', (socket) => {
    // Whoever waits for an answer is kept alive by core; a pooled socket is ref'ed each time that it is used.
    socket.unref();
    if (socket.connecting) socket.once('connect', () => (connected = true));
    else connected = true;
  });
  return () => connected;
}

function responseTo(request: ClientRequest, content: string | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    // Not once: it may also break while the answer is read, and that is told by the answer.
    request.on('error', reject);
    request.once('response', resolve);
    request.end(content);
  });
}

async function read(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return {
    status: response.statusCode ?? 0,
    text: Buffer.concat(chunks).toString(),
    header: (name) => {
      const value = response.headers[name];
      return Array.isArray(value) ? value[0] : value;
    },
  };
}

/** Node joins the failures for several addresses of one name in an error without a message. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message === '' && 'code' in error ? String(error.code) : error.message;
}
