/** A process of a scenario: does what it is told over its IPC channel, until that ends. */
import { tasks } from './tasks.ts';
import type { Answer, Order } from './tasks.ts';

process.on('message', (order: Order) => void obey(order));
process.on('disconnect', () => process.exit());

async function obey({ id, task, input }: Order): Promise<void> {
  answer(await done(id, tasks[task] as (input: unknown) => unknown, input));
}

async function done(id: number, task: (input: unknown) => unknown, input: unknown): Promise<Answer> {
  try {
    return { id, output: await task(input) };
  } catch (error) {
    return { id, failed: error instanceof Error ? error.message : String(error) };
  }
}

function answer(message: Answer): void {
  // The parent may be gone, and then this process is, too.
  process.send?.(message, undefined, {}, () => undefined);
}
