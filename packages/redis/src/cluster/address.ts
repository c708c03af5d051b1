/** `host:port`, as the nodes of a cluster announce themselves; of an IPv6 address without brackets. */
export type Address = string;

export function addressOf(host: string, port: number): Address {
  return `${host}:${port}`;
}

export function partsOf(address: Address): { host: string; port: number } {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}

/** What a node said of another; without a host it means its own. */
export function announced(host: unknown, port: unknown, by: Address): Address {
  const named = typeof host === 'string' && host !== '' && host !== '?';
  return addressOf(named ? host : partsOf(by).host, Number(port));
}
