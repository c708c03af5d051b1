import { Redis } from 'iovalkey';

export type Connection = Redis;

/** How long the server may take to connect, or to answer, in ms. */
const PATIENCE_MS = 2000;

/** One connection that comes back by itself, but never sends anything twice by itself, and never keeps a process alive. */
export function connect(url: string): Connection {
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: PATIENCE_MS,
    commandTimeout: PATIENCE_MS,
    // What was under way when a connection broke fails: the adapter alone knows whether to ask again.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => 100,
  });
  // Each request hears of what went wrong by its own answer.
  client.on('error', () => undefined);
  // Core keeps the process alive for as long as something is held or awaited; an idle connection must not.
  client.on('connect', () => (client as unknown as { stream: { unref(): void } }).stream.unref());
  return client;
}

/** The driver hangs the command with its arguments on its errors, for AUTH the password: only what it says goes on. */
export function withoutCommand(error: unknown): Error {
  const { name, message, code } = error as NodeJS.ErrnoException;
  return Object.assign(new Error(message), { name, code });
}
