import { ConfigError, urlOptions } from '@holdfast/core/adapter';
import type { EtcdOptions } from './options.ts';

/** WHATWG's `URL` takes one host only. */
const SHAPE = /^(etcds?):\/\/(?:([^@/?#]*)@)?([^@/?#]*)\/?(?:\?([^#]*))?$/i;
const HOST = /^(\[[0-9a-f:.]+\]|[\w.-]+)(?::(\d{1,5}))?$/i;
const DEFAULT_PORT = '2379';

/**
 * `etcd://user:password@host1:2379,host2:2379?prefix=app/`, or `etcds://` for TLS. User and password are percent-encoded, the port is 2379
 * if none is given. Throws `ConfigError`, which shows no part of the URL that may be secret.
 */
export function optionsFromUrl(url: string): EtcdOptions {
  const [, scheme, login, hosts, query] = SHAPE.exec(url) ?? [];
  if (scheme === undefined || hosts === undefined || hosts === '') {
    throw new ConfigError(
      'Expected an etcd URL such as etcd://user:password@host1:2379,host2:2379?prefix=app/ (special characters of the password percent-encoded)',
    );
  }
  const parameters = urlOptions('etcd', new URLSearchParams(query));
  const twice = ['hosts', 'username', 'password', 'tls', 'client'].find((key) => Object.hasOwn(parameters, key));
  if (twice !== undefined)
    throw new ConfigError(`\`${twice}\` is given twice: an etcd URL says it before its parameters`);
  return {
    ...parameters,
    hosts: hosts.split(',').map(parseHost),
    ...(login === undefined ? {} : parseLogin(login)),
    ...(scheme.toLowerCase() === 'etcds' ? { tls: true } : {}),
  };
}

function parseHost(text: string): string {
  const [, name, port = DEFAULT_PORT] = HOST.exec(text) ?? [];
  if (name === undefined || Number(port) < 1 || Number(port) > 65535) {
    // Not shown: with an unescaped ? or # in the password, what looks like a host is part of it.
    throw new ConfigError('Expected the hosts of the etcd URL to be host:port, separated by commas');
  }
  return `${name}:${port}`;
}

function parseLogin(login: string): { username: string; password: string } {
  const [username, password, ...rest] = login.split(':');
  if (!username || password === undefined || rest.length > 0) {
    throw new ConfigError(
      'Expected the etcd URL to give user:password before the @, with special characters percent-encoded',
    );
  }
  try {
    return { username: decodeURIComponent(username), password: decodeURIComponent(password) };
  } catch {
    // Without its cause, which would quote the password.
    throw new ConfigError('The user or password in the etcd URL is not valid percent-encoding');
  }
}
