import { once } from 'node:events';
import type { RequestListener, Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Scope } from './program.ts';

/** The port of a server that listens until the test is over. */
export async function listening(scope: Scope, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  scope.onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

export function serve(scope: Scope, listener: RequestListener): Promise<number> {
  return listening(scope, createServer(listener));
}
