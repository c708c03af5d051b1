import { setImmediate as turn } from 'node:timers/promises';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Consumer } from '../src/consumer.ts';
import type { Lane } from '../src/lane.ts';
import { ModelQueue } from './model-queue.ts';

const CLIENTS = 3;
/** So much passes at once on a good network. */
const FLOW = 6;

interface Move {
  readonly client: number;
  readonly type: 'flow' | 'step' | 'late' | 'hear' | 'kill' | 'suspect' | 'restore';
  /** Of what a killed client had sent. */
  readonly arrives: number;
}

const type: fc.Arbitrary<Move['type']> = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom<Move['type'][]>('step', 'hear', 'flow') },
  { weight: 3, arbitrary: fc.constant<Move['type']>('late') },
  { weight: 1, arbitrary: fc.constant<Move['type']>('kill') },
  { weight: 2, arbitrary: fc.constantFrom<Move['type'][]>('suspect', 'restore', 'restore') },
);
const move: fc.Arbitrary<Move> = fc.record({ client: fc.nat({ max: CLIENTS - 1 }), type, arrives: fc.nat({ max: 4 }) });

/** Acquires, renews and releases, one channel after the other. */
class Client {
  readonly #queue: ModelQueue;
  readonly #onGrant: (client: number, epoch: bigint) => void;
  id = -1;

  constructor(queue: ModelQueue, onGrant: (client: number, epoch: bigint) => void) {
    this.#queue = queue;
    this.#onGrant = onGrant;
  }

  live(id: number, freshId: () => number): void {
    this.id = id;
    const consumer = new Consumer(this.#queue.lane(id) as unknown as Lane, 'queue', 2 ** 31 - 1);
    const life = async (): Promise<void> => {
      await consumer.start();
      if (!consumer.isActive) await new Promise<void>((resolve) => (consumer.onActive = resolve));
      this.#onGrant(id, (await consumer.take()).epoch);
      await consumer.renew();
      await consumer.release();
      this.live(freshId(), freshId);
    };
    // One that was passed over finds out, and closes its channel; one that was killed never hears of anything again.
    life().then(undefined, () => {
      this.#queue.kill(id, 0);
      this.live(freshId(), freshId);
    });
  }
}

test(
  'tokens grow in the order in which the queue proved the holds, whoever dies or is passed over, and when',
  { timeout: 60_000 },
  async () => {
    let grants = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(move, { minLength: 300, maxLength: 500 }), async (moves) => {
        const queue = new ModelQueue();
        const granted = new Map<number, bigint>();
        let ids = 0;
        const freshId = (): number => (ids += 1);
        const clients = Array.from({ length: CLIENTS }, () => new Client(queue, (id, epoch) => granted.set(id, epoch)));
        for (const client of clients) client.live(freshId(), freshId);
        for (const { client, type, arrives } of moves) {
          await turn();
          const one = clients[client] as Client;
          if (type === 'step' || type === 'late') queue.step(one.id, type === 'late');
          else if (type === 'hear') queue.hear(one.id);
          else if (type === 'flow') {
            for (let i = 0; i < FLOW; i += 1) queue.step(one.id, false);
            for (let i = 0; i < FLOW; i += 1) queue.hear(one.id);
          } else if (type === 'suspect') queue.suspect(one.id);
          else if (type === 'restore') queue.restore(one.id);
          else {
            queue.kill(one.id, arrives);
            one.live(freshId(), freshId);
          }
        }
        // The first echo with the epoch of a grant is what proved it.
        const proofs = queue.echoes.filter(({ client, epoch }) => granted.get(client) === epoch);
        const tokens = proofs.filter(({ client }, i) => proofs.findIndex((other) => other.client === client) === i);
        grants += tokens.length;
        for (let i = 1; i < tokens.length; i += 1) {
          expect((tokens[i] as { epoch: bigint }).epoch).toBeGreaterThan((tokens[i - 1] as { epoch: bigint }).epoch);
        }
      }),
      { numRuns: 1500 },
    );
    // Not by granting nothing.
    expect(grants).toBeGreaterThan(2000);
  },
);
