import { ConfigError, parseHostsUrl } from '@holdfast/core/adapter';
import type { ConsulOptions } from './options.ts';

const EXAMPLE = 'consul://token@host1:8500,host2:8500?datacenter=dc1';

/** `consul://token@host1:8500,host2:8500?datacenter=dc1`, or `consuls://` for TLS. Throws `ConfigError`. */
export function optionsFromUrl(url: string): ConsulOptions {
  const { protocol, username: token, password, hosts, path, parameters } = parseHostsUrl('consul', url, EXAMPLE);
  if ((path !== '' && path !== '/') || password !== undefined) {
    throw new ConfigError(
      `A Consul URL has no path, and before the @ the token alone; expected one such as ${EXAMPLE}`,
    );
  }
  const twice = ['token', 'hosts', 'tls'].find((key) => Object.hasOwn(parameters, key));
  if (twice !== undefined) throw new ConfigError(`\`${twice}\` is no parameter of a Consul URL`);
  return {
    ...texts(parameters),
    hosts,
    ...(token === undefined ? {} : { token }),
    ...(protocol === 'consuls:' ? { tls: true } : {}),
  };
}

/** A datacenter may be called `1`. */
function texts(parameters: Readonly<Record<string, string | number | boolean>>): ConsulOptions {
  const isDuration = (key: string): boolean => ['sessionTtlMin', 'timeout', 'patience'].includes(key);
  return Object.fromEntries(
    Object.entries(parameters).map(([key, value]) => [key, isDuration(key) ? value : `${value}`]),
  );
}
