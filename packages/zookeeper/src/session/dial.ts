import { connect } from 'node:net';
import { ConnectionLossError } from '../errors.ts';
import { connectRequest, readConnectResponse } from '../protocol/handshake.ts';
import type { SessionIdentity } from '../protocol/handshake.ts';
import { Packets } from '../protocol/packets.ts';
import { Connection } from './connection.ts';
import type { ConnectionEvents, Patience } from './connection.ts';

export interface Host {
  readonly host: string;
  readonly port: number;
}

export interface Attempt {
  readonly host: Host;
  readonly identity: SessionIdentity;
  readonly lastZxid: bigint;
  /** For the whole handshake, in ms. */
  readonly timeoutMs: number;
  /** How long to wait for answers afterwards, given what the session's timeout was agreed to be. */
  readonly patience: (sessionMs: number) => Patience;
  readonly events: ConnectionEvents;
}

export interface Dialled {
  /** Takes requests at once: the server answers them after the handshake, which saves a round trip. */
  readonly connection: Connection;
  /**
   * What was agreed on; `undefined`: the server knows that the session has expired. Rejects with the socket's error, or a
   * `ConnectionLossError`.
   */
  readonly agreed: Promise<SessionIdentity | undefined>;
}

export function dial({ host: { host, port }, identity, lastZxid, timeoutMs, patience, events }: Attempt): Dialled {
  const socket = connect({ host, port });
  socket.setNoDelay(true);
  // Core keeps the process alive while there is something to wait for.
  socket.unref();
  const connection = new Connection(socket, events);
  connection.lastZxid = lastZxid;
  socket.write(connectRequest(identity, lastZxid));

  const agreed = new Promise<SessionIdentity | undefined>((resolve, reject) => {
    const fail = (error: Error): void => {
      clearTimeout(timer);
      reject(error);
      connection.close(error);
    };
    const timer = setTimeout(
      () =>
        fail(new ConnectionLossError(`ZooKeeper at ${host}:${port} did not answer within ${Math.round(timeoutMs)} ms`)),
      timeoutMs,
    );
    timer.unref();
    let isFirst = true;
    const receive = (packet: Buffer): void => {
      if (!isFirst) {
        connection.receive(packet);
        return;
      }
      isFirst = false;
      clearTimeout(timer);
      const response = readConnectResponse(packet);
      resolve(response);
      if (response === undefined) connection.close(new ConnectionLossError('The session has expired'));
      else connection.accepted(patience(response.timeoutMs));
    };
    const packets = new Packets();
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const packet of packets.push(chunk)) receive(packet);
      } catch (error) {
        fail(error instanceof Error ? error : new Error(String(error)));
      }
    });
    socket.on('error', fail);
    socket.on('close', () => fail(new ConnectionLossError(`ZooKeeper at ${host}:${port} closed the connection`)));
  });
  return { connection, agreed };
}
