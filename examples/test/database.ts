import { randomBytes } from 'node:crypto';
import { sharedServer } from '@holdfast/testbed';
import pg from 'pg';
import type { Scope } from './program.ts';

export interface Database {
  readonly schema: string;
  readonly server: { readonly host: string; readonly port: number };
  /** A client in the schema, connected to the server or to what stands in front of it. */
  connect(via?: { readonly host: string; readonly port: number }): Promise<pg.Client>;
}

/** A schema of the test's own on the shared PostgreSQL server. */
export async function database(scope: Scope): Promise<Database> {
  const url = new URL((await sharedServer('postgres')).url);
  const schema = `examples_${randomBytes(6).toString('hex')}`;
  const connect: Database['connect'] = async (via) => {
    const target = new URL(url);
    if (via !== undefined) target.host = `${via.host}:${via.port}`;
    const client = new pg.Client({ connectionString: target.href, options: `-c search_path=${schema}` });
    await client.connect();
    scope.onTestFinished(() => client.end());
    return client;
  };
  scope.onTestFinished(async () => {
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    await client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
    await client.end();
  });
  return { schema, server: { host: url.hostname, port: Number(url.port) }, connect };
}
