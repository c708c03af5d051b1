import { BackendUnavailableError } from '@holdfast/core/adapter';
import type { LossReason } from '@holdfast/core/adapter';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { onLine, sendLine } from './wire.ts';
import type { Answer, Command, FromServer } from './wire.ts';

const ANSWER_MS = 1500;

interface Call {
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

/** What an owner is told: by the server, or that the connection has ended. */
export interface OwnerEvent {
  readonly type: 'granted' | 'disconnected' | LossReason;
  readonly token?: string;
}

interface Mailbox {
  last?: OwnerEvent | undefined;
  listener?: ((event: OwnerEvent) => void) | undefined;
}

/** One connection at a time, made when it is needed. */
export class Connection {
  readonly #mailboxes = new Map<string, Mailbox>();
  readonly #address: { host: string; port: number };
  readonly #calls = new Map<number, Call>();
  readonly #keepsAlive: boolean;
  #socket: Socket | undefined;
  #count = 0;

  constructor(address: { host: string; port: number }, keepsAlive: boolean) {
    this.#address = address;
    this.#keepsAlive = keepsAlive;
  }

  /** Rejects with `BackendUnavailableError` when there is no answer in time. */
  call(command: Command): Promise<Answer> {
    this.#count += 1;
    const id = this.#count;
    const socket = (this.#socket ??= this.#open());
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => call.reject(new Error(`no answer within ${ANSWER_MS} ms`)), ANSWER_MS);
      timer.unref();
      const settled = (): void => {
        clearTimeout(timer);
        this.#calls.delete(id);
      };
      const call: Call = {
        resolve: (answer) => {
          settled();
          resolve(answer);
        },
        reject: (cause) => {
          settled();
          reject(new BackendUnavailableError('The reference server cannot be reached', { cause }));
        },
      };
      this.#calls.set(id, call);
      sendLine(socket, { id, ...command });
    });
  }

  /** From before the request on: a grant may come in the same packet as the answer that says to wait for it. */
  expect(owner: string): void {
    this.#mailboxes.set(owner, {});
  }

  /** Gets the last event that nobody has seen, and those to come. */
  listen(owner: string, listener: (event: OwnerEvent) => void): void {
    const box: Mailbox = { listener };
    const last = this.#mailboxes.get(owner)?.last;
    this.#mailboxes.set(owner, box);
    if (last !== undefined) listener(last);
  }

  pause(owner: string): void {
    const box = this.#mailboxes.get(owner);
    if (box !== undefined) box.listener = undefined;
  }

  forget(owner: string): void {
    this.#mailboxes.delete(owner);
  }

  post(owner: string, event: OwnerEvent): void {
    const box = this.#mailboxes.get(owner);
    if (box === undefined) return;
    if (box.listener === undefined) box.last = event;
    else box.listener(event);
  }

  close(): void {
    this.#socket?.destroy();
  }

  #open(): Socket {
    const socket = connect(this.#address);
    socket.setNoDelay(true);
    if (!this.#keepsAlive) socket.unref();
    let why: Error | undefined;
    socket.on('error', (error) => {
      why = error;
    });
    socket.on('close', () => {
      this.#socket = undefined;
      for (const call of [...this.#calls.values()]) call.reject(why ?? new Error('the connection was closed'));
      for (const owner of [...this.#mailboxes.keys()]) this.post(owner, { type: 'disconnected' });
    });
    onLine(socket, (line) => {
      const message = line as FromServer;
      if ('id' in message) this.#calls.get(message.id)?.resolve(message.answer);
      else this.post(message.owner, message.event);
    });
    return socket;
  }
}
