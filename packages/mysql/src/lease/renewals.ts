import { batched } from '@holdfast/core/adapter';
import type { Queues, Renewal } from './queues.ts';

/** Few enough that a name whose row somebody keeps locked holds up few others. */
const MOST_AT_ONCE = 25;

/** Renewals that are due together are one statement; each is answered by whether its hold is still there. */
export function renewals(queues: Queues): (renewal: Renewal) => Promise<boolean> {
  return batched<Renewal, boolean>(async (due) => {
    const renewed = new Map<Renewal, Promise<boolean>>();
    for (const group of groups(due)) {
      const together = queues.renew(group);
      for (const renewal of group) {
        // One that is gone says nothing of the others.
        renewed.set(
          renewal,
          together.then((at) => at !== undefined || (group.length > 1 && alone(queues, renewal))),
        );
      }
    }
    return await Promise.all(due.map(async (renewal) => (await renewed.get(renewal)) === true));
  });
}

async function alone(queues: Queues, renewal: Renewal): Promise<boolean> {
  return (await queues.renew([renewal])) !== undefined;
}

/** Of different names each, in one order, so that no two statements wait for each other. */
function groups(due: readonly Renewal[]): Renewal[][] {
  const open: Renewal[][] = [];
  for (const renewal of due.toSorted((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))) {
    const group = open.find((each) => each.length < MOST_AT_ONCE && each.at(-1)?.name !== renewal.name);
    if (group === undefined) open.push([renewal]);
    else group.push(renewal);
  }
  return open;
}
