import { Client } from 'pg';
import type { ClientConfig, Pool, PoolClient } from 'pg';
import { isPipelined } from './connection.ts';
import type { GoodBye } from './connection.ts';
import { codeOf } from './errors.ts';
import { READ, RESTORE, settingsFor } from './settings.ts';

/** Where connections come from: a server, or a pool of the user's. */
export interface Source {
  /** How many there can be, where that is not for us to say. */
  readonly max: number;
  readonly open: () => Promise<{ readonly client: Client; readonly goodBye: GoodBye }>;
}

/** How long a goodbye may take before the socket is closed without it, in ms. */
const GOODBYE_MS = 500;
const IN_FAILED_TRANSACTION = '25P02';

export function ownConnections(config: ClientConfig): Source {
  return {
    max: Infinity,
    async open() {
      const client = new Client(config);
      client.on('error', ignored);
      pipelined(client, true);
      try {
        await client.connect();
      } catch (error) {
        destroy(client);
        throw error;
      }
      return { client, goodBye: end };
    },
  };
}

/**
 * Checked out for as long as they live. They go back with the settings that they came with; one whose state is not known is handed
 * back to be destroyed.
 */
export function pooledConnections(pool: Pool): Source {
  return {
    max: pool.options.max,
    async open() {
      const client: PoolClient = await pool.connect();
      client.on('error', ignored);
      let before: string;
      try {
        await leaveTransaction(client);
        before = await settingsOf(client);
      } catch (error) {
        client.release(true);
        throw error;
      }
      const goodBye: GoodBye = async (_, broken) => {
        (client as unknown as { ref(): void }).ref();
        const clean = !broken && (await restored(client, before));
        if (!clean) destroy(client);
        pipelined(client, wasPipelined);
        client.release(!clean);
        if (clean) client.off('error', ignored);
      };
      const wasPipelined = isPipelined(client);
      pipelined(client, true);
      return { client: client as unknown as Client, goodBye };
    },
  };
}

/** An error that nobody listens to would end the process; who uses the connection listens, too. */
function ignored(): void {
  return undefined;
}

/**
 * Who had it before may have left it in a transaction: there no silence would end the session, and no token would be on disk. Asked without
 * parameters it is one message, and began when its transaction did unless that was there before.
 */
async function leaveTransaction(client: PoolClient): Promise<void> {
  const asked = client.query<{ inside: boolean }>('SELECT now() <> statement_timestamp() AS inside');
  const isInside = await asked.then(
    ({ rows }) => rows[0]?.inside === true,
    (error: unknown) => {
      if (codeOf(error) === IN_FAILED_TRANSACTION) return true;
      throw error;
    },
  );
  if (isInside) await client.query('ROLLBACK');
}

async function settingsOf(client: PoolClient): Promise<string> {
  const names = [...Object.keys(settingsFor(0)), 'synchronous_commit'];
  const { rows } = await client.query<{ name: string; value: string }>(READ, [names]);
  return JSON.stringify(Object.fromEntries(rows.map(({ name, value }) => [name, value])));
}

async function restored(client: PoolClient, before: string): Promise<boolean> {
  const work = client.query('UNLISTEN *').then(() => client.query(RESTORE, [before]));
  return within(GOODBYE_MS, work);
}

async function end(client: Client, broken: boolean): Promise<void> {
  if (broken || !(await within(GOODBYE_MS, client.end()))) destroy(client);
}

/** A heartbeat must not wait for the answers to what was asked before it. */
function pipelined(client: object, on: boolean): void {
  if ('pipeline' in client) client.pipeline = on;
}

function destroy(client: Client | PoolClient): void {
  (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
}

function within(ms: number, work: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), ms);
    const settle = (done: boolean) => (): void => {
      clearTimeout(timer);
      resolve(done);
    };
    work.then(settle(true), settle(false));
  });
}
