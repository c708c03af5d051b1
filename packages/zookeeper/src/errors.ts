import { BackendUnavailableError } from '@holdfast/core/adapter';

/** The server refused an operation. `code` is one of {@link Code}, or another of KeeperException.Code. */
export class ZooKeeperError extends Error {
  override readonly name = 'ZooKeeperError';
  readonly code: number;

  constructor(code: number, path: string) {
    super(`ZooKeeper answered ${nameOf(code)}${path === '' ? '' : ` for ${shortened(path)}`}`);
    this.code = code;
  }
}

/** KeeperException.Code, as far as the adapter decides by it. */
export const Code = {
  noNode: -101,
  noAuth: -102,
  badVersion: -103,
  nodeExists: -110,
  sessionExpired: -112,
  authFailed: -115,
  sessionMoved: -118,
} as const;

const names: Readonly<Record<number, string>> = {
  [-2]: 'RUNTIMEINCONSISTENCY',
  [-6]: 'UNIMPLEMENTED',
  [-8]: 'BADARGUMENTS',
  [Code.noNode]: 'NONODE',
  [Code.noAuth]: 'NOAUTH',
  [Code.badVersion]: 'BADVERSION',
  [-108]: 'NOCHILDRENFOREPHEMERALS',
  [Code.nodeExists]: 'NODEEXISTS',
  [-111]: 'NOTEMPTY',
  [Code.sessionExpired]: 'SESSIONEXPIRED',
  [-113]: 'INVALIDCALLBACK',
  [-114]: 'INVALIDACL',
  [Code.authFailed]: 'AUTHFAILED',
  [Code.sessionMoved]: 'SESSIONMOVED',
  [-119]: 'NOTREADONLY',
  [-125]: 'QUOTAEXCEEDED',
  [-127]: 'THROTTLEDOP',
};

function nameOf(code: number): string {
  return names[code] ?? `error ${code}`;
}

function shortened(path: string): string {
  return path.length > 200 ? `${path.slice(0, 200)}…` : path;
}

/** The connection ended: whether what was asked on it has been done is unknown. The session may live on. */
export class ConnectionLossError extends Error {
  override readonly name = 'ConnectionLossError';
}

/** The session has ended, and with it all nodes that it made. */
export class SessionOverError extends Error {
  override readonly name = 'SessionOverError';
}

/** As callers of the backend see it. Errors that tell the adapter's own code what to do next never get here. */
export function unavailable(error: unknown): Error {
  if (!(error instanceof ZooKeeperError || error instanceof ConnectionLossError || error instanceof SessionOverError)) {
    return error instanceof Error ? error : new Error(String(error));
  }
  if (error instanceof ZooKeeperError && error.code === Code.noAuth) {
    return new BackendUnavailableError(`${error.message}: these credentials have no permission there`, {
      cause: error,
    });
  }
  return new BackendUnavailableError(error.message, { cause: error });
}
