import type { Connection } from './connection.ts';
import type { Hold } from './hold.ts';
import type { Keys } from './keys.ts';
import type { SessionContext } from './session.ts';
import { STEP_BACK } from './sql.ts';
import { uncancelled } from './wait.ts';
import type { Granted, Waiter } from './waiter.ts';

/** How often the first in line looks for permits of holders that crashed, and shows that it is alive itself. In ms. */
const LOOK_MS = 500;

/**
 * Takes a permit, on a connection that has the name's lock and so keeps all others away: the first in line alone waits for
 * the next free one. Leaves nothing locked on the connection. `undefined`: nobody wants one any more, or a thief comes first.
 *
 * No wake-up is lost: the waiter listens, then locks the gate, then looks. Who gives a permit back unlocks it, then looks at the gate. Either
 * it finds the gate locked, and notifies one who listens; or it looked before that was locked, and the waiter finds the permit.
 */
export async function passGate(
  context: SessionContext,
  connection: Connection,
  keys: Keys,
  first: () => Waiter | undefined,
  interrupted: (wake: () => void) => void,
): Promise<{ readonly waiter: Waiter; readonly granted: Granted } | undefined> {
  const { statements } = context;
  const bell = new Bell();
  const silence = connection.onNotification((channel, payload) => {
    if (channel === keys.channel) bell.ring(payload);
  });
  const deafen = connection.onLost(() => bell.ring(''));
  interrupted(() => bell.ring(''));
  let isGateLocked = false;
  try {
    for (;;) {
      const waiter = first();
      if (waiter === undefined || bell.heard === STEP_BACK) {
        await uncancelled(() => connection.ask(statements.unlockAll, [connection.id]));
        return undefined;
      }
      const session = await waiter.session();
      const hold = await session.takePermit({ keys, mode: 'semaphore', permits: waiter.request.permits });
      if (hold !== null) return await leave(context, connection, first, waiter, hold, isGateLocked);
      if (isGateLocked) {
        await bell.rung(LOOK_MS);
        if (bell.heard !== STEP_BACK) bell.reset();
        await connection.ask(statements.heartbeat, []);
      } else {
        await connection.run(`LISTEN ${keys.channel}`);
        await connection.ask(statements.enterGate, [keys.gate]);
        isGateLocked = true;
        waiter.tell();
      }
    }
  } finally {
    silence();
    deafen();
    if (isGateLocked && !connection.isLost) await connection.run('UNLISTEN *');
  }
}

/** The permit counts only if nobody could come in between: the connection had the lock until now. */
async function leave(
  { statements }: SessionContext,
  connection: Connection,
  first: () => Waiter | undefined,
  waiter: Waiter,
  hold: Hold,
  isGateLocked: boolean,
): Promise<{ readonly waiter: Waiter; readonly granted: Granted } | undefined> {
  const giveBack = (): void => void hold.session.unlock(hold, undefined).catch(() => undefined);
  try {
    const [row] = await uncancelled(() =>
      isGateLocked
        ? connection.ask(statements.leaveGate, [hold.keys.lock, hold.keys.gate])
        : connection.ask(statements.unlock, [hold.keys.lock]),
    );
    if (row?.['done'] === true && first() === waiter) return { waiter, granted: { hold, done: () => undefined } };
  } catch (error) {
    giveBack();
    throw error;
  }
  giveBack();
  return undefined;
}

/** Rings also for what came before anybody waited for it. */
class Bell {
  #heard: string | undefined;
  #wake: (() => void) | undefined;

  get heard(): string | undefined {
    return this.#heard;
  }

  reset(): void {
    this.#heard = undefined;
  }

  ring(what: string): void {
    if (this.#heard !== STEP_BACK) this.#heard = what;
    this.#wake?.();
  }

  rung(atMostMs: number): Promise<void> {
    if (this.#heard !== undefined) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, atMostMs).unref();
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
