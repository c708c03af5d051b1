import type { Socket } from 'node:net';
import type { ChannelModel } from 'amqplib';

/** What amqplib (2.x) keeps to itself: what was negotiated, and what would keep the process alive. */
export interface Internals {
  /** As negotiated, in s. */
  readonly heartbeat: number;
  readonly channelMax: number;
  readonly stream: Socket;
  readonly heartbeater: { readonly sendTimer: NodeJS.Timeout; readonly recvTimer: NodeJS.Timeout };
}

/** `undefined`: not a connection that locks can live on. One without heartbeats never tells that it is dead. */
export function internalsOf(value: unknown): Internals | undefined {
  const model = value as Partial<ChannelModel> | null | undefined;
  if (typeof model !== 'object' || model === null || typeof model.createConfirmChannel !== 'function') return undefined;
  const internals = model.connection as unknown as Partial<Internals> | undefined;
  const isComplete =
    typeof internals?.heartbeat === 'number' &&
    internals.heartbeat > 0 &&
    typeof internals.channelMax === 'number' &&
    typeof internals.stream?.unref === 'function' &&
    typeof internals.heartbeater?.sendTimer?.unref === 'function' &&
    typeof internals.heartbeater.recvTimer.unref === 'function';
  return isComplete ? (internals as Internals) : undefined;
}
