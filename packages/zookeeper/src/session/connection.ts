import type { Socket } from 'node:net';
import { monotonicMs } from '@holdfast/core/adapter';
import { Code, ConnectionLossError, ZooKeeperError } from '../errors.ts';
import { JuteReader, JuteWriter } from '../protocol/jute.ts';
import { closeSession } from '../protocol/operations.ts';
import type { Operation } from '../protocol/operations.ts';
import { Fifo } from './fifo.ts';

export interface WatchEvent {
  readonly type: number;
  readonly path: string;
}

export interface ConnectionEvents {
  onSent(at: number): void;
  /** The server, or the leader if `isLed`, has done what was asked at `sentAt`. */
  onAnswered(sentAt: number, isLed: boolean): void;
  onEvent(event: WatchEvent): void;
  /** Called once, after all that was asked on it has been rejected. */
  onClosed(error: Error): void;
}

/** When a connection counts as lost, in ms. */
export interface Patience {
  /** An answer is due for this long, and nothing at all was heard meanwhile. */
  readonly answerMs: number;
  /** Nothing at all was heard for this long while an answer is due, */
  readonly silenceMs: number;
  /** but not before it is due for this long. */
  readonly atLeastMs: number;
}

interface Asked {
  readonly operation: Operation<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface Pending extends Asked {
  readonly sentAt: number;
}

/**
 * So many requests are under way at once; more wait here rather than in the server, which stops reading at a thousand of all its
 * clients. An answer then tells of a request that was sent a moment ago, however many are to come, and a heartbeat waits
 * for few.
 */
const WINDOW = 256;

/** The number of a packet that answers no request. */
const NOTIFICATION_XID = -1;

/** One TCP connection of a session. It never keeps the process alive. */
export class Connection {
  /** The last transaction that this connection has seen. */
  lastZxid = 0n;
  readonly #socket: Socket;
  /** None yet while the session is being agreed on: whoever does that has a timer of its own. */
  #patience: Patience | undefined;
  readonly #events: ConnectionEvents;
  /** In the order in which they were sent, which is that of the answers. */
  readonly #pending = new Map<number, Pending>();
  readonly #waiting = new Fifo<Asked>();
  #lastXid = 0;
  #heardAt: number = monotonicMs();
  #watchdog: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(socket: Socket, events: ConnectionEvents) {
    this.#socket = socket;
    this.#events = events;
  }

  get isOpen(): boolean {
    return !this.#closed;
  }

  /** The session is agreed on: from now on answers are expected. */
  accepted(patience: Patience): void {
    this.#patience = patience;
    this.#heardAt = monotonicMs();
    this.#watchdog ??= this.#watch();
  }

  /**
   * Rejects with the server's `ZooKeeperError`, or with a `ConnectionLossError`: then it may or may not have been done. Requests are
   * done in their order, but for those that are `urgent`.
   */
  request<T>(operation: Operation<T>, urgent = false): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const asked = { operation, resolve: resolve as (value: unknown) => void, reject };
      if (this.#closed) reject(new ConnectionLossError('The connection to ZooKeeper is closed'));
      else if (urgent || this.#pending.size < WINDOW) this.#send(asked);
      else this.#waiting.push(asked);
    });
  }

  #send(asked: Asked): void {
    const xid = this.#nextXid();
    const sentAt = monotonicMs();
    const writer = new JuteWriter().int(xid).int(asked.operation.type);
    asked.operation.write(writer);
    this.#pending.set(xid, { ...asked, sentAt });
    this.#socket.write(writer.frame());
    this.#events.onSent(sentAt);
    this.#watchdog ??= this.#watch();
  }

  receive(packet: Buffer): void {
    this.#heardAt = monotonicMs();
    const reader = new JuteReader(packet);
    const xid = reader.int();
    const zxid = reader.long();
    const code = reader.int();
    if (zxid > this.lastZxid) this.lastZxid = zxid;
    if (xid === NOTIFICATION_XID) {
      const type = reader.int();
      reader.int();
      this.#events.onEvent({ type, path: reader.string() });
      return;
    }
    const pending = this.#pending.get(xid);
    if (pending === undefined) throw new RangeError(`ZooKeeper answered a request that was not made (${xid})`);
    this.#pending.delete(xid);
    const next = this.#pending.size < WINDOW ? this.#waiting.shift() : undefined;
    if (next !== undefined) this.#send(next);
    this.#settle(pending, code, reader);
  }

  #settle({ operation, sentAt, resolve, reject }: Pending, code: number, reader: JuteReader): void {
    if (code === Code.sessionExpired || code === Code.sessionMoved) {
      // This connection is of no more use. The next one tells whether the session goes on.
      reject(new ConnectionLossError(`The session left this connection before the answer for ${operation.path}`));
      this.close(new ConnectionLossError('The session left this connection'));
      return;
    }
    // An error, too, is an answer of a server that knows the session.
    this.#events.onAnswered(sentAt, operation.isLed);
    if (code !== 0) {
      reject(new ZooKeeperError(code, operation.path));
      return;
    }
    try {
      resolve(operation.read(reader));
    } catch (error) {
      reject(error);
    }
  }

  /** The last request of the session: the process stays for its answer. */
  farewell(): Promise<void> {
    this.#socket.ref();
    return this.request(closeSession(), true);
  }

  close(error: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#watchdog);
    this.#socket.destroy();
    for (const { operation, reject } of this.#pending.values()) {
      reject(
        new ConnectionLossError(`The connection to ZooKeeper ended before its answer for ${operation.path}`, {
          cause: error,
        }),
      );
    }
    this.#pending.clear();
    for (let asked = this.#waiting.shift(); asked !== undefined; asked = this.#waiting.shift()) {
      asked.reject(
        new ConnectionLossError(`The connection to ZooKeeper ended before ${asked.operation.path} was asked for`, {
          cause: error,
        }),
      );
    }
    this.#events.onClosed(error);
  }

  #nextXid(): number {
    this.#lastXid = this.#lastXid === 0x7fffffff ? 1 : this.#lastXid + 1;
    return this.#lastXid;
  }

  /** A server that is frozen, or a network that swallows everything, closes no connection. */
  #watch(): NodeJS.Timeout | undefined {
    const [oldest] = this.#pending.values();
    if (oldest === undefined || this.#patience === undefined) return undefined;
    // A process that was itself frozen has the answers in its socket: it reads them (poll) before it judges (check).
    const timer = setTimeout(
      () => setImmediate(() => this.#judge()),
      Math.max(this.#lostAt(oldest, this.#patience) - monotonicMs(), 0),
    );
    timer.unref();
    return timer;
  }

  #judge(): void {
    this.#watchdog = undefined;
    const [oldest] = this.#pending.values();
    if (oldest === undefined || this.#patience === undefined || this.#closed) return;
    if (this.#lostAt(oldest, this.#patience) > monotonicMs()) this.#watchdog = this.#watch();
    else
      this.close(
        new ConnectionLossError(`ZooKeeper did not answer for ${Math.round(monotonicMs() - oldest.sentAt)} ms`),
      );
  }

  #lostAt({ sentAt }: Pending, { answerMs, silenceMs, atLeastMs }: Patience): number {
    // Not from the request alone: ten thousand of them may be in front of it, and be answered one after the other.
    return Math.min(
      Math.max(this.#heardAt, sentAt) + answerMs,
      Math.max(this.#heardAt + silenceMs, sentAt + atLeastMs),
    );
  }
}
