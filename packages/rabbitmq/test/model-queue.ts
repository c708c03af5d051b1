import type { ConsumeMessage, Options } from 'amqplib';
import { PREFETCH } from '../src/lane.ts';
import type { Lane } from '../src/lane.ts';
import { contentOf, propertiesOf, seedToken } from '../src/token.ts';
import type { Token } from '../src/token.ts';

interface Message {
  readonly content: Buffer;
  readonly properties: Options.Publish;
  readonly publisher: number;
}

interface Registered {
  readonly client: number;
  readonly unacked: Set<Message>;
  status: 'up' | 'suspected' | 'cancelled';
}

type Command =
  | { readonly type: 'publish'; readonly message: Message }
  | { readonly type: 'consume' | 'ackAll' | 'giveBackAll' | 'check' | 'cancel' | 'barrier' }
  | { readonly type: 'ack'; readonly message: Message };

/**
 * What 040 and 041 say of a quorum queue with a single active consumer, one entry of its log after the other. What travels between a client and
 * the queue waits until `step` or `hear` lets it pass.
 */
export class ModelQueue {
  /** The epoch of each message that went back to its publisher, in the order in which the log served them. */
  readonly echoes: { readonly client: number; readonly epoch: bigint }[] = [];
  readonly #lanes = new Map<number, ModelLane>();
  #ready: Message[] = [];
  #line: Registered[] = [];
  #active: Registered | undefined;

  constructor() {
    const seed = seedToken();
    this.#ready.push({ content: contentOf({ ...seed, epoch: 100n }), properties: propertiesOf(seed), publisher: -1 });
  }

  lane(client: number): ModelLane {
    const lane = new ModelLane(client);
    this.#lanes.set(client, lane);
    return lane;
  }

  /** One command of the client is applied; `late`: its messages are overtaken by what it sent after them. */
  step(client: number, late: boolean): void {
    const lane = this.#lanes.get(client);
    const place = late ? lane?.sent.findIndex(({ type }) => type !== 'publish') : 0;
    const [command] = lane?.sent.splice(Math.max(place ?? 0, 0), 1) ?? [];
    if (lane === undefined || command === undefined) return;
    this.#apply(lane, command);
    this.#serve();
  }

  /** The client hears of one thing that happened. */
  hear(client: number): void {
    this.#lanes.get(client)?.heard.shift()?.();
  }

  /** It dies: so much of what it sent still arrives; what it should hear does not. */
  kill(client: number, arrives: number): void {
    for (let i = 0; i < arrives; i += 1) this.step(client, false);
    this.#lanes.delete(client);
    for (const one of [...this.#line, this.#active]) if (one?.client === client) this.#remove(one);
    this.#serve();
  }

  /** Its node is out of the leader's reach. Not while it releases: 041 says what is not covered there. */
  suspect(client: number): void {
    if (this.#lanes.get(client)?.isReleasing === true) return;
    for (const one of [...this.#line, this.#active]) {
      if (one?.client !== client) continue;
      this.#giveBack(one);
      if (one.status !== 'cancelled') one.status = 'suspected';
      if (one === this.#active) {
        this.#active = undefined;
        this.#line.push(one);
      }
    }
    this.#serve();
  }

  restore(client: number): void {
    if (this.#lanes.get(client)?.isReleasing === true) return;
    for (const one of this.#line) if (one.client === client && one.status === 'suspected') one.status = 'up';
    this.#serve();
  }

  #apply(lane: ModelLane, command: Command): void {
    const own = [...this.#line, this.#active].find((one) => one?.client === lane.client);
    switch (command.type) {
      case 'publish':
        this.#ready.push(command.message);
        lane.answer('publish');
        return;
      case 'consume':
        this.#line.push({ client: lane.client, unacked: new Set(), status: 'up' });
        break;
      case 'cancel':
        if (own !== undefined) own.status = 'cancelled';
        if (own === this.#active && own !== undefined) {
          this.#active = undefined;
          this.#line.push(own);
        }
        break;
      case 'ack':
        own?.unacked.delete(command.message);
        return;
      case 'ackAll':
        own?.unacked.clear();
        return;
      case 'giveBackAll':
        if (own !== undefined) this.#giveBack(own);
        return;
      case 'barrier':
      case 'check':
    }
    // Before the answer comes what the log serves by the same entry.
    this.#serve();
    lane.answer(command.type);
  }

  #remove(one: Registered): void {
    this.#giveBack(one);
    this.#line = this.#line.filter((other) => other !== one);
    if (this.#active === one) this.#active = undefined;
  }

  #giveBack(one: Registered): void {
    this.#ready.unshift(...one.unacked);
    one.unacked.clear();
  }

  #serve(): void {
    if (this.#active === undefined) {
      this.#active = this.#line.find(({ status }) => status === 'up');
      this.#line = this.#line.filter((one) => one !== this.#active);
    }
    const active = this.#active;
    while (active !== undefined && active.unacked.size < PREFETCH) {
      const message = this.#ready.shift();
      if (message === undefined) return;
      // A delivery of its own: what was taken back can't be acknowledged any more, even if it is served again.
      const delivery = { ...message };
      active.unacked.add(delivery);
      if (message.publisher === active.client)
        this.echoes.push({ client: active.client, epoch: BigInt(message.content.toString()) });
      this.#lanes.get(active.client)?.deliver(delivery);
    }
  }
}

/** As much of a {@link Lane} as a consumer uses. */
export class ModelLane {
  readonly client: number;
  readonly sent: Command[] = [];
  readonly heard: (() => void)[] = [];
  readonly #awaited: { readonly type: Command['type']; readonly resolve: () => void }[] = [];
  readonly isOpen = true;
  isReleasing = false;
  onEnd: Lane['onEnd'];
  #onMessage: ((message: ConsumeMessage) => void) | undefined;
  #unconfirmed = 0;
  #onConfirmed: (() => void) | undefined;

  constructor(client: number) {
    this.client = client;
  }

  async consume(_queue: string, onMessage: (message: ConsumeMessage) => void): Promise<string> {
    this.#onMessage = onMessage;
    await this.#ask('consume');
    return 'tag';
  }

  cancel(): Promise<void> {
    return this.#ask('cancel');
  }

  check(): Promise<void> {
    return this.#ask('check');
  }

  barrier(): Promise<void> {
    return this.#ask('barrier');
  }

  publish(_queue: string, token: Token): void {
    this.#unconfirmed += 1;
    const message = { content: contentOf(token), properties: propertiesOf(token), publisher: this.client };
    this.sent.push({ type: 'publish', message });
  }

  confirmed(): Promise<void> {
    this.isReleasing = true;
    return new Promise((resolve) => {
      this.#onConfirmed = resolve;
      if (this.#unconfirmed === 0) resolve();
    });
  }

  ack(message: ConsumeMessage): void {
    this.sent.push({ type: 'ack', message: message as unknown as Message });
  }

  ackAll(): void {
    this.sent.push({ type: 'ackAll' });
  }

  giveBackAll(): void {
    this.sent.push({ type: 'giveBackAll' });
  }

  answer(type: Command['type']): void {
    this.heard.push(() => {
      if (type === 'publish') {
        this.#unconfirmed -= 1;
        if (this.#unconfirmed === 0) this.#onConfirmed?.();
      } else this.#awaited.shift()?.resolve();
    });
  }

  deliver(message: Message): void {
    this.heard.push(() => this.#onMessage?.(message as unknown as ConsumeMessage));
  }

  #ask(type: 'consume' | 'cancel' | 'check' | 'barrier'): Promise<void> {
    this.sent.push({ type });
    return new Promise((resolve) => this.#awaited.push({ type, resolve }));
  }
}
