/** Where a server or a sentinel listens. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

export function isSame(a: Address | undefined, b: Address | undefined): boolean {
  return a?.host === b?.host && a?.port === b?.port;
}

/** `host:port`, or `[host]:port` for IPv6. */
export function shown({ host, port }: Address): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
