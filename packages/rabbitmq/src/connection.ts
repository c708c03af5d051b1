import { connect } from 'amqplib';
import type { ChannelModel } from 'amqplib';
import { ConnectError } from './errors.ts';
import { internalsOf } from './internals.ts';
import type { Internals } from './internals.ts';
import { Lane } from './lane.ts';
import type { ResolvedOptions } from './options.ts';
import { within } from './within.ts';

/** How many unused channels are kept open at most. */
const MOST_SPARE = 16;
/** How long `close` waits for the broker to say goodbye, in ms. */
const GOODBYE_MS = 1000;

/** One AMQP connection and its channels. */
export class Connection {
  readonly #model: ChannelModel;
  readonly #internals: Internals;
  readonly #options: ResolvedOptions;
  readonly #spare: Promise<Lane>[] = [];
  #lanes = 0;
  #isOpen = true;
  /** The broker takes no messages now (a memory or disk alarm), and why. */
  #blocked: string | undefined;

  /** Tells that a connection is over. */
  readonly #onOver = (): void => void (this.#isOpen = false);
  readonly #onBlocked = (reason: string): void => void (this.#blocked = reason);
  readonly #onUnblocked = (): void => void (this.#blocked = undefined);

  /** To the first of the hosts that answers. Throws a `ConnectError` with what the last one said. */
  static async open(options: ResolvedOptions, heartbeat: number): Promise<Connection> {
    let last: unknown;
    for (const host of options.hosts) {
      try {
        const model = await connectTo(host, options, heartbeat);
        const connection = new Connection(model, options);
        // An 'error' that nobody listens to would end the user's process; the channels' 'close' tells all who must know.
        model.on('error', connection.#onOver);
        connection.#unref();
        return connection;
      } catch (error) {
        last = error;
      }
    }
    throw new ConnectError(`to the vhost ${options.vhost}`, { cause: last });
  }

  constructor(model: ChannelModel, options: ResolvedOptions) {
    const internals = internalsOf(model);
    if (internals === undefined) throw new ConnectError('with a heartbeat');
    this.#model = model;
    this.#internals = internals;
    this.#options = options;
    model.on('close', this.#onOver).on('blocked', this.#onBlocked).on('unblocked', this.#onUnblocked);
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get blocked(): string | undefined {
    return this.#blocked;
  }

  /** In s. */
  get heartbeat(): number {
    return this.#internals.heartbeat;
  }

  /** No channel is in use. */
  get isIdle(): boolean {
    return this.#lanes === this.#spare.length;
  }

  get serverProperties(): Readonly<Record<string, unknown>> {
    return this.#model.connection.serverProperties;
  }

  /** `undefined`: all channels are taken. The next request's is opened meanwhile: no request waits for one unless many come at once. */
  lane(): Promise<Lane> | undefined {
    const lane = this.#spare.pop() ?? this.#openLane();
    if (lane !== undefined && this.#spare.length === 0) this.#keep(this.#openLane());
    return lane;
  }

  giveBack(lane: Lane): void {
    if (lane.isReusable && this.#spare.length < MOST_SPARE) this.#keep(Promise.resolve(lane));
    else void lane.close();
  }

  /** Resolves when the queue's leader answered what was asked after all that this connection's channels had told it. */
  async look(queue: string): Promise<void> {
    const lane = await this.lane();
    if (lane === undefined) return;
    try {
      await lane.check(queue);
    } finally {
      this.giveBack(lane);
    }
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const { stream } = this.#internals;
    // Whatever it says: the socket goes.
    await within(this.#model.close(), GOODBYE_MS).then(undefined, () => undefined);
    stream.destroy();
  }

  /** Of the user's own connection, only what was ours on it. */
  async leave(): Promise<void> {
    this.#model.off('close', this.#onOver).off('blocked', this.#onBlocked).off('unblocked', this.#onUnblocked);
    const closing = Promise.allSettled(this.#spare.splice(0).map(async (lane) => (await lane).close()));
    await within(closing, GOODBYE_MS).then(undefined, () => undefined);
  }

  #openLane(): Promise<Lane> | undefined {
    if (this.#lanes >= Math.min(this.#options.channels, this.#internals.channelMax)) return undefined;
    this.#lanes += 1;
    return this.#open();
  }

  async #open(): Promise<Lane> {
    const opening = this.#model.createConfirmChannel();
    try {
      const channel = await within(opening, this.#options.patienceMs);
      const lane = new Lane(channel, this.#options.patienceMs);
      void lane.closed.then(() => (this.#lanes -= 1));
      await lane.prepare();
      return lane;
    } catch (error) {
      opening.then(
        (channel) => channel.close().then(undefined, () => undefined),
        () => (this.#lanes -= 1),
      );
      throw error;
    }
  }

  /** For the next request, unless it ends before. */
  #keep(lane: Promise<Lane> | undefined): void {
    if (lane === undefined) return;
    this.#spare.push(lane);
    const forget = (): void => {
      const place = this.#spare.indexOf(lane);
      if (place >= 0) void this.#spare.splice(place, 1);
    };
    lane.then(({ closed }) => closed.then(forget), forget);
  }

  /** It keeps no process alive. */
  #unref(): void {
    const { stream, heartbeater } = this.#internals;
    stream.unref();
    heartbeater.sendTimer.unref();
    heartbeater.recvTimer.unref();
  }
}

async function connectTo(host: string, options: ResolvedOptions, heartbeat: number): Promise<ChannelModel> {
  const { username, password, vhost, tls, timeoutMs } = options;
  const [, hostname = '', port] = /^\[?(.*?)\]?:(\d+)$/.exec(host) ?? [];
  const protocol = tls === false ? 'amqp' : 'amqps';
  const target = {
    protocol,
    hostname,
    port: Number(port),
    username,
    password,
    heartbeat,
    vhost: encodeURIComponent(vhost),
  };
  const opening = connect(target, {
    ...(tls === false ? {} : tls),
    // Nagle's algorithm would make an acquire take 40 ms.
    noDelay: true,
    timeout: timeoutMs,
    clientProperties: { connection_name: `holdfast ${process.pid}` },
  });
  return await opening;
}
