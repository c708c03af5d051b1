import { ConfigError, parseHost, parseHostsUrl } from '@holdfast/core/adapter';
import type { RabbitmqOptions } from './options.ts';

const EXAMPLE = 'amqp://user:password@host1:5672,host2:5672/vhost?prefix=app.';

/**
 * `amqp://user:password@host1:5672,host2:5672/vhost?prefix=app.`, or `amqps://` for TLS. The vhost is percent-encoded; without one
 * (or with a lone slash) it is `/`. Throws `ConfigError`.
 */
export function optionsFromUrl(url: string): RabbitmqOptions {
  const { protocol, username, password, hosts, path, parameters } = parseHostsUrl('rabbitmq', url, EXAMPLE);
  const elsewhere = ['hosts', 'username', 'password', 'vhost', 'tls', 'connection'];
  const twice = elsewhere.find((key) => Object.hasOwn(parameters, key));
  if (twice !== undefined)
    throw new ConfigError(`\`${twice}\` is given twice: an AMQP URL says it before its parameters`);
  const defaultPort = protocol === 'amqps:' ? 5671 : 5672;
  return {
    ...parameters,
    hosts: hosts.map((text) => withPort(text, defaultPort)),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(path === '' || path === '/' ? {} : { vhost: path.slice(1) }),
    ...(protocol === 'amqps:' ? { tls: true } : {}),
  };
}

function withPort(text: string, defaultPort: number): string {
  const { host, port } = parseHost('rabbitmq', text, defaultPort);
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
