import { ConfigError } from '../errors.ts';
import { urlOptions } from './options.ts';

export interface HostsUrl {
  /** Lower case, with its colon: `etcd:`. */
  readonly protocol: string;
  /** Decoded; absent without an `@`. Empty where only a password is given. */
  readonly username?: string;
  /** Decoded; absent without a colon before the `@`. */
  readonly password?: string;
  /** As they stand there, for {@link parseHost}; at least one. */
  readonly hosts: readonly string[];
  /** Decoded, with its leading slash; empty without one. */
  readonly path: string;
  /** See `urlOptions`. */
  readonly parameters: Readonly<Record<string, string | number | boolean>>;
}

const SHAPE = /^([a-z][a-z0-9+.-]*:)\/\/(?:([^@/?#]*)@)?([^@/?#]+)(\/[^@?#]*)?(?:\?([^#@]*))?$/i;
const HOST = /^(?:\[([0-9a-f:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$/i;

/**
 * `scheme://user:password@host1:port,host2:port/path?parameters`: WHATWG's `URL` takes one host only. Throws a `ConfigError` that
 * shows `example` and no part of the URL, any of which may be a password whose special characters were not percent-encoded.
 */
export function parseHostsUrl(adapter: string, url: string, example: string): HostsUrl {
  const [, scheme, login, hosts, path = '', query] = SHAPE.exec(url) ?? [];
  if (scheme === undefined || hosts === undefined) {
    throw new ConfigError(`Expected the ${adapter} URL to be such as ${example} (special characters percent-encoded)`);
  }
  const colon = login?.indexOf(':') ?? -1;
  return {
    protocol: scheme.toLowerCase(),
    hosts: hosts.split(','),
    path: decode(adapter, path),
    parameters: urlOptions(adapter, new URLSearchParams(query)),
    ...(login === undefined ? {} : { username: decode(adapter, colon < 0 ? login : login.slice(0, colon)) }),
    ...(login === undefined || colon < 0 ? {} : { password: decode(adapter, login.slice(colon + 1)) }),
  };
}

/** `host`, `host:port` or `[::1]:port`. Throws a `ConfigError` that does not show it. */
export function parseHost(adapter: string, text: string, defaultPort: number): { host: string; port: number } {
  const [, v6, name, digits] = HOST.exec(text) ?? [];
  const host = v6 ?? name;
  const port = digits === undefined ? defaultPort : Number(digits);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new ConfigError(`Expected each host of the ${adapter} backend to be host or host:port`);
  }
  return { host, port };
}

function decode(adapter: string, part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    // Not as a cause: its message quotes what may be a password.
    throw new ConfigError(`The ${adapter} URL is not valid percent-encoding`);
  }
}
