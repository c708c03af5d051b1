import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Below the range from which Linux (32768) and macOS (49152) take the ports of outgoing connections: while a server is
 * down for a restart, a client that reconnects to a port of that range may be given this very port and connect to itself.
 */
const FIRST_PORT = 15000;
const LAST_PORT = 32000;
const ATTEMPTS = 5;

/** Somebody else listens where a server was to listen. */
export class PortTakenError extends Error {
  override readonly name = 'PortTakenError';

  constructor(port: number, cause: unknown) {
    const met = cause instanceof Error ? cause.message : String(cause);
    super(
      `port ${port} is taken by another process: end that one, or start this server anew, on another port (${met})`,
      {
        cause,
      },
    );
  }
}

/**
 * Calls `start` with a free port. Somebody else may take it between the choice and the start: then with another one.
 * A failure while the port is still free has some other cause and is passed on.
 */
export async function onFreePort<T>(start: (port: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    try {
      return await onPort(port, start);
    } catch (error) {
      if (attempt === ATTEMPTS || !(error instanceof PortTakenError)) throw error;
    }
  }
}

/** Calls `start` with this port, which a server has had before. If it fails and the port is taken, the error says that. */
export async function onPort<T>(port: number, start: (port: number) => Promise<T>): Promise<T> {
  try {
    return await start(port);
  } catch (error) {
    if (await isFree(port)) throw error;
    throw new PortTakenError(port, error);
  }
}

export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST_PORT, LAST_PORT);
    if (await isFree(port)) return port;
  }
}

/** Binds all addresses, as a container engine would. */
function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    });
    server.listen(port, () => server.close(() => resolve(true)));
  });
}
