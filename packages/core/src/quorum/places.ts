import { defaultPorts } from '../config/default-ports.ts';
import { schemeOf } from '../config/redact.ts';

const AUTHORITY = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#]*@)?([^/?#]+)/i;
const loopback = new Set(['localhost', '127.0.0.1', '[::1]']);

/** The servers that a URL leads to, written so that the same server is the same text; of a URL without one, all of it. */
export function placesOf(url: string): string[] {
  const hosts = AUTHORITY.exec(url)?.[1];
  if (hosts === undefined) return [url];
  return hosts.split(',').map((text) => {
    const [, host = text, port] = /^(.*?)(?::(\d+))?$/.exec(text.toLowerCase()) ?? [];
    const named = loopback.has(host) ? 'localhost' : host.replace(/\.$/, '');
    return `${named}:${port === undefined ? (defaultPorts[schemeOf(url) ?? ''] ?? schemeOf(url)) : Number(port)}`;
  });
}
