import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

export interface Cutter {
  readonly url: string;
  /** Bytes that went through in the direction that is counted. */
  passed(): number;
  close(): Promise<void>;
}

/** A proxy that lets so many bytes through, over all connections, and then ends the connection and refuses others. */
export async function cutAfter(url: string, direction: 'requests' | 'answers', bytes: number): Promise<Cutter> {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  let passed = 0;
  const server = createServer((client) => {
    const upstream = connect({ host: hostname, port: Number(port) });
    const destroy = (): void => {
      client.destroy();
      upstream.destroy();
    };
    const pass = (from: Socket, to: Socket, isCounted: boolean): void => {
      sockets.add(from);
      from.setNoDelay(true);
      from.on('error', destroy);
      from.on('close', destroy);
      from.on('data', (data) => {
        if (!isCounted) {
          to.write(data);
          return;
        }
        const piece = data.subarray(0, Math.max(bytes - passed, 0));
        passed += piece.length;
        // All that may pass is delivered before the end.
        if (passed < bytes) to.write(piece);
        else to.end(piece, destroy);
      });
    };
    pass(client, upstream, direction === 'requests');
    pass(upstream, client, direction === 'answers');
    if (passed >= bytes) destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const own = (server.address() as AddressInfo).port;
  return {
    url: url.replace(/@[^/?]*/, `@127.0.0.1:${own}`),
    passed: () => passed,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      if (!server.listening) return;
      server.close();
      await once(server, 'close');
    },
  };
}
