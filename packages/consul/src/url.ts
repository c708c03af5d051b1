import { ConfigError, urlOptions } from '@holdfast/core/adapter';
import type { ConsulOptions } from './options.ts';

/** WHATWG's `URL` takes one host only. */
const SHAPE = /^(consuls?):\/\/(?:([^@/?#]*)@)?([^@/?#]*)\/?(?:\?([^#@]*))?$/i;

/**
 * `consul://token@host1:8500,host2:8500?datacenter=dc1`, or `consuls://` for TLS. The token is percent-encoded, the port is 8500
 * if none is given. Throws `ConfigError`, which shows no part of the URL that may be secret.
 */
export function optionsFromUrl(url: string): ConsulOptions {
  const [, scheme, login, hosts, query] = SHAPE.exec(url) ?? [];
  if (scheme === undefined || hosts === undefined || hosts === '') {
    throw new ConfigError(
      'Expected a Consul URL such as consul://token@host1:8500,host2:8500?datacenter=dc1 (special characters of the token percent-encoded)',
    );
  }
  const parameters = urlOptions('consul', new URLSearchParams(query));
  for (const key of ['token', 'hosts', 'tls']) {
    if (Object.hasOwn(parameters, key)) throw new ConfigError(`\`${key}\` is no parameter of a Consul URL`);
  }
  return {
    ...texts(parameters),
    hosts: hosts.split(','),
    ...(login === undefined ? {} : { token: decode(login) }),
    ...(scheme.toLowerCase() === 'consuls' ? { tls: true } : {}),
  };
}

/** A datacenter may be called `1`. */
function texts(parameters: Readonly<Record<string, string | number | boolean>>): ConsulOptions {
  const isDuration = (key: string): boolean => ['sessionTtlMin', 'timeout', 'patience'].includes(key);
  return Object.fromEntries(
    Object.entries(parameters).map(([key, value]) => [key, isDuration(key) ? value : String(value)]),
  );
}

function decode(token: string): string {
  if (token.includes(':'))
    throw new ConfigError('Expected the Consul URL to give the ACL token alone before the @, without a colon');
  try {
    return decodeURIComponent(token);
  } catch {
    // Without its cause, which would quote the token.
    throw new ConfigError('The token in the Consul URL is not valid percent-encoding');
  }
}
