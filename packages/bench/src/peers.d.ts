/** Peers that bring no types of their own; what is used here. */
declare module 'redlock' {
  export interface Lock {
    unlock(): Promise<void>;
  }
  export default class Redlock {
    constructor(clients: readonly object[], options?: { readonly retryCount?: number });
    lock(resource: string, ttl: number): Promise<Lock>;
  }
}

declare module 'proper-lockfile' {
  export function lock(
    file: string,
    options?: {
      readonly realpath?: boolean;
      readonly stale?: number;
      readonly retries?: number | { readonly forever: boolean; readonly maxTimeout: number };
    },
  ): Promise<() => Promise<void>>;
}
