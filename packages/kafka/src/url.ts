import { ConfigError, parseHost, parseHostsUrl } from '@holdfast/core/adapter';
import type { KafkaOptions } from './options.ts';

const DEFAULT_PORT = 9092;
const EXAMPLE = 'kafka://user:password@host1:9092,host2:9092/topic?mechanism=scram-sha-512&tls=true';

/** `kafka://user:password@host1:9092,host2:9092/topic?tls=true`. Throws `ConfigError`. */
export function optionsFromUrl(url: string): KafkaOptions {
  const { username, password, hosts, path, parameters } = parseHostsUrl('kafka', url, EXAMPLE);
  const twice = ['hosts', 'username', 'password', 'topic', 'client'].find((key) => Object.hasOwn(parameters, key));
  if (twice !== undefined)
    throw new ConfigError(`\`${twice}\` has its place before the parameters of a kafka URL, such as ${EXAMPLE}`);
  const topic = path.replace(/^\//, '');
  return {
    ...parameters,
    hosts: hosts.map(withPort),
    ...(topic === '' ? {} : { topic }),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  };
}

function withPort(text: string): string {
  const { host, port } = parseHost('kafka', text, DEFAULT_PORT);
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
