import { connect } from 'node:net';
import { ConnectionLossError } from '../errors.ts';
import { connectRequest, readConnectResponse } from '../protocol/handshake.ts';
import type { SessionIdentity } from '../protocol/handshake.ts';
import { Packets } from '../protocol/packets.ts';
import { Connection } from './connection.ts';
import type { ConnectionEvents } from './connection.ts';

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
  /** How long an answer may take afterwards, in ms, given what the session's timeout was agreed to be. */
  readonly stallMs: (sessionMs: number) => number;
  readonly events: ConnectionEvents;
}

/** `connection: undefined`: the server knows that the session has expired. */
export interface Connected {
  readonly connection: Connection | undefined;
  readonly identity: SessionIdentity;
}

/** Rejects with the socket's error, or a `ConnectionLossError`. */
export function dial({ host, identity, lastZxid, timeoutMs, stallMs, events }: Attempt): Promise<Connected> {
  return new Promise((resolve, reject) => {
    const socket = connect(host);
    socket.setNoDelay(true);
    socket.unref();
    const packets = new Packets();
    let connection: Connection | undefined;
    const fail = (error: Error): void => {
      clearTimeout(timer);
      socket.destroy();
      if (connection === undefined) reject(error);
      else connection.close(error);
    };
    const timer = setTimeout(() => fail(new ConnectionLossError(`ZooKeeper at ${host.host}:${host.port} did not answer within ${Math.round(timeoutMs)} ms`)), timeoutMs);
    timer.unref();
    const accept = (packet: Buffer): void => {
      clearTimeout(timer);
      const agreed = readConnectResponse(packet);
      if (agreed === undefined) {
        socket.destroy();
        resolve({ connection: undefined, identity });
        return;
      }
      connection = new Connection(socket, stallMs(agreed.timeoutMs), events);
      connection.lastZxid = lastZxid;
      resolve({ connection, identity: agreed });
    };
    socket.on('connect', () => socket.write(connectRequest(identity, lastZxid)));
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const packet of packets.push(chunk)) {
          if (connection === undefined) accept(packet);
          else connection.receive(packet);
        }
      } catch (error) {
        fail(error instanceof Error ? error : new Error(String(error)));
      }
    });
    socket.on('error', fail);
    socket.on('close', () => fail(new ConnectionLossError(`ZooKeeper at ${host.host}:${host.port} closed the connection`)));
  });
}
