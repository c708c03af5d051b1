import { JuteReader, JuteWriter } from './jute.ts';

/** What makes a connection part of a session. `id` 0 asks for a new one. */
export interface SessionIdentity {
  readonly id: bigint;
  readonly secret: Buffer;
  /** In ms: asked for, or once connected, agreed. */
  readonly timeoutMs: number;
}

const PROTOCOL_VERSION = 0;
const SECRET_BYTES = 16;

export function newSession(timeoutMs: number): SessionIdentity {
  return { id: 0n, secret: Buffer.alloc(SECRET_BYTES), timeoutMs };
}

/** `lastZxid`: a server that has seen less refuses the connection, so that a client never sees the past again. */
export function connectRequest(identity: SessionIdentity, lastZxid: bigint): Buffer {
  return new JuteWriter()
    .int(PROTOCOL_VERSION)
    .long(lastZxid)
    .int(identity.timeoutMs)
    .long(identity.id)
    .buffer(identity.secret)
    .bool(false)
    .frame();
}

/** `undefined`: the session has expired. */
export function readConnectResponse(packet: Buffer): SessionIdentity | undefined {
  const reader = new JuteReader(packet);
  reader.int();
  const timeoutMs = reader.int();
  const id = reader.long();
  const secret = Buffer.from(reader.buffer());
  return timeoutMs <= 0 ? undefined : { id, secret, timeoutMs };
}
