import { connect, isIP } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectSecurely } from 'node:tls';
import type { ISocketFactory } from 'kafkajs';

const KEEP_ALIVE_MS = 60_000;

/** A socket that does not keep the process alive, not even while it connects. */
export const quietSocket: ISocketFactory = ({ host, port, ssl, onConnect }): Socket => {
  const socket =
    // The type has it always; kafkajs gives null without TLS.
    (ssl as typeof ssl | null) === null || ssl === undefined
      ? connect({ host, port }, onConnect)
      : connectSecurely({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...ssl }, onConnect);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  socket.setNoDelay(true);
  socket.unref();
  return socket;
};
