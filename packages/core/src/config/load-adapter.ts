import { realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Adapter } from '../contract.ts';
import { ConfigError } from '../errors.ts';

/** Scheme → adapter package. */
const packages: Readonly<Record<string, string>> = {
  'memory:': '@holdfast/memory',
  'file:': '@holdfast/file',
  'redis:': '@holdfast/redis',
  'rediss:': '@holdfast/redis',
  'redis+sentinel:': '@holdfast/redis',
  'rediss+sentinel:': '@holdfast/redis',
  'redis+cluster:': '@holdfast/redis',
  'rediss+cluster:': '@holdfast/redis',
  'etcd:': '@holdfast/etcd',
  'etcds:': '@holdfast/etcd',
  'zookeeper:': '@holdfast/zookeeper',
  'consul:': '@holdfast/consul',
  'consuls:': '@holdfast/consul',
  'postgres:': '@holdfast/postgres',
  'postgresql:': '@holdfast/postgres',
  'mysql:': '@holdfast/mysql',
  'mariadb:': '@holdfast/mysql',
  'amqp:': '@holdfast/rabbitmq',
  'amqps:': '@holdfast/rabbitmq',
  'kafka:': '@holdfast/kafka',
};

/** The adapter for a URL's scheme, or for a backend's name. Throws a `ConfigError` that says how to get it. */
export async function loadAdapter(backend: { readonly scheme: string } | { readonly name: string }): Promise<Adapter> {
  const known = 'scheme' in backend ? packages[backend.scheme] : packageNamed(backend.name);
  if (known === undefined) {
    const given = 'scheme' in backend ? `scheme ${backend.scheme}` : `backend ${JSON.stringify(backend.name)}`;
    throw new ConfigError(`Unknown ${given}; known are ${Object.keys(packages).join(' ')}`);
  }
  const location = locate(known);
  if (location === undefined) throw new ConfigError(`${known} is not installed. Install it with: npm install ${known}`);
  const module = (await import(location)) as { adapter?: Adapter };
  if (module.adapter === undefined) throw new ConfigError(`${known} at ${location} exports no \`adapter\``);
  const { adapter } = module;
  if ('scheme' in backend && !adapter.protocols.includes(backend.scheme)) {
    throw new ConfigError(
      `This version of ${known} does not know ${backend.scheme}; it knows ${adapter.protocols.join(' ')}`,
    );
  }
  return adapter;
}

function packageNamed(name: string): string | undefined {
  return Object.values(packages).find((candidate) => candidate === `@holdfast/${name}`);
}

/**
 * Where the package is installed: beside core, beside the program, or in the working directory. The last two matter
 * where packages see only their own dependencies (pnpm): core depends on no adapter, the program does.
 */
function locate(name: string): string | undefined {
  const places = [import.meta.url, mainScript(), join(process.cwd(), 'index.js')];
  for (const place of places) {
    if (place === undefined) continue;
    try {
      return pathToFileURL(createRequire(place).resolve(name)).href;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  return undefined;
}

function mainScript(): string | undefined {
  const script = process.argv[1];
  if (script === undefined) return undefined;
  try {
    return realpathSync(script);
  } catch (error) {
    // `node -e` and the REPL leave something there that is no file.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
