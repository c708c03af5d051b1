import { ConfigError, parseHost, parseHostsUrl } from '@holdfast/core/adapter';
import type { EtcdOptions } from './options.ts';

const DEFAULT_PORT = 2379;
const EXAMPLE = 'etcd://user:password@host1:2379,host2:2379?prefix=app/';

/** `etcd://user:password@host1:2379,host2:2379?prefix=app/`, or `etcds://` for TLS. Throws `ConfigError`. */
export function optionsFromUrl(url: string): EtcdOptions {
  const { protocol, username, password, hosts, path, parameters } = parseHostsUrl('etcd', url, EXAMPLE);
  if (path !== '' && path !== '/') throw new ConfigError(`An etcd URL has no path; expected one such as ${EXAMPLE}`);
  const twice = ['hosts', 'username', 'password', 'tls', 'client'].find((key) => Object.hasOwn(parameters, key));
  if (twice !== undefined)
    throw new ConfigError(`\`${twice}\` is given twice: an etcd URL says it before its parameters`);
  return {
    ...parameters,
    hosts: hosts.map(withPort),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(protocol === 'etcds:' ? { tls: true } : {}),
  };
}

function withPort(text: string): string {
  const { host, port } = parseHost('etcd', text, DEFAULT_PORT);
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
