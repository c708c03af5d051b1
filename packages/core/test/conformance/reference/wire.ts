/** JSON lines between the reference backend and its server. Tokens travel as strings. */
import type { Socket } from 'node:net';
import type { ClientInfo, LossReason, RequestMode } from '@holdfast/core/adapter';

export type Command =
  | { op: 'renew' | 'leave'; name: string; owner: string }
  | { op: 'query'; name?: string | undefined }
  | {
      op: 'request';
      name: string;
      owner: string;
      mode: RequestMode;
      permits?: number | undefined;
      ttlMs: number;
      wait: boolean;
      steal: boolean;
      client: ClientInfo;
    };

export interface Answer {
  /** The owner's place after the command. */
  readonly place?: 'held' | 'waiting' | 'absent';
  readonly token?: string;
  /** The owner was there before it left. */
  readonly left?: boolean;
  /** A snapshot. */
  readonly held?: readonly WireInfo[];
  readonly pending?: readonly WireInfo[];
}

/** A `LockInfo` as JSON can carry it. */
export interface WireInfo {
  readonly name: string;
  readonly mode: RequestMode;
  readonly clientId: string;
  readonly fencingToken?: string;
  readonly permits?: number;
  readonly host?: string;
  readonly pid?: number;
  readonly since?: string;
}

export type FromServer =
  | { readonly id: number; readonly answer: Answer }
  | { readonly owner: string; readonly event: { readonly type: 'granted' | LossReason; readonly token?: string } };

export function sendLine(socket: Socket, message: unknown): void {
  if (!socket.destroyed)
    socket.write(
      `${JSON.stringify(message, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))}\n`,
    );
}

export function onLine(socket: Socket, listener: (message: unknown) => void): void {
  let rest = '';
  socket.setEncoding('utf8');
  socket.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) listener(JSON.parse(line));
  });
}
