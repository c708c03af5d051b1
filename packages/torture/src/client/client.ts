import { setTimeout as sleep } from 'node:timers/promises';
import { BackendUnavailableError } from '@holdfast/core';
import type { Locks } from '@holdfast/core';
import { HistoryWriter } from '../history/writer.ts';
import { openLocks } from '../open-locks.ts';
import { Random } from '../random.ts';
import { Registers } from '../register/registers.ts';
import { perform } from './lane.ts';
import { nextStep } from './plan.ts';
import { Record } from './record.ts';
import type { ClientSpec, FromClient } from './spec.ts';

const COUNT_EVERY_MS = 1000;
/** After a failure at once: a dead server must not be hammered, nor the processor. */
const FAILURE_REST_MS = 100;

export interface Runner {
  /** Aborts when the client is to begin nothing new. */
  readonly stop: AbortSignal;
  count(counts: FromClient): void;
}

/** Locks, works, releases, gives up and starts over, as its seed says, until it is stopped; then closes all and returns. */
export async function runClient(spec: ClientSpec, { stop, count }: Runner): Promise<void> {
  const writer = new HistoryWriter(spec.history);
  const record = new Record(writer, spec);
  const registers = new Registers(spec.registersUrl);
  const client = new Client(spec, record, registers);
  record.start();
  const counting = setInterval(() => count(record.counts), COUNT_EVERY_MS);
  try {
    await client.run(stop, () => count(record.counts));
    record.end();
  } finally {
    clearInterval(counting);
    registers.close();
    writer.close();
  }
  count(record.counts);
}

class Client {
  readonly #spec: ClientSpec;
  readonly #record: Record;
  readonly #registers: Registers;
  readonly #closing = new Set<Promise<void>>();

  constructor(spec: ClientSpec, record: Record, registers: Registers) {
    this.#spec = spec;
    this.#record = record;
    this.#registers = registers;
  }

  async run(stop: AbortSignal, begun: () => void): Promise<void> {
    const open = { locks: await openLocks(this.#spec.url) };
    begun();
    try {
      await Promise.all(Array.from({ length: this.#spec.lanes }, (_, lane) => this.#lane(lane, open, stop)));
    } finally {
      await Promise.all([...this.#closing, open.locks.close()]);
    }
  }

  async #lane(lane: number, open: { locks: Locks }, stop: AbortSignal): Promise<void> {
    const { seed, client, life, names, ttlMs } = this.#spec;
    const random = new Random(`${seed} client ${client}.${life} lane ${lane}`);
    const { capabilities } = open.locks;
    while (!stop.aborted) {
      const step = nextStep(random, { names, ttlMs, capabilities });
      await sleep(step.restMs);
      if (step.reopens) await this.#reopen(open);
      const startedAt = performance.now();
      await perform(step, open.locks, { record: this.#record, registers: this.#registers });
      if (performance.now() - startedAt < 1) await sleep(FAILURE_REST_MS);
    }
  }

  /** The other lanes meet a client that closes under them. */
  async #reopen(open: { locks: Locks }): Promise<void> {
    const old = open.locks;
    open.locks = await openLocks(this.#spec.url);
    const closed = old
      .close()
      .catch(onlyUnavailable)
      .finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
    await closed;
  }
}

/** While the server is away, a client may fail to say goodbye to it. */
function onlyUnavailable(error: unknown): void {
  if (!(error instanceof BackendUnavailableError)) throw error;
}
