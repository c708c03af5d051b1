import { BackendUnavailableError } from '@holdfast/core/adapter';

/**
 * What went wrong, by the driver's own classes: the first word of an error that the server answered is its code
 * (`WRONGPASS`, `NOSCRIPT`, …, by the Redis protocol); other errors have Node's (`ECONNREFUSED`) or ioredis's class.
 */
export function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return 'UNKNOWN';
  if (error.name === 'ReplyError') return /^[A-Z]+/.exec(error.message)?.[0] ?? 'ERR';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

/** Whether the server itself said so. */
export function isReply(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

/** Answers of a server that starts, fails over, is full, or hands its slots on: another attempt may succeed. */
const transientReplies = new Set(
  'LOADING READONLY MASTERDOWN TRYAGAIN CLUSTERDOWN MOVED ASK BUSY OOM MISCONF NOREPLICAS'.split(' '),
);
/** An answer that no further attempt changes: a wrong password, a right that is missing, a database that does not exist. */
export function isRefusal(error: unknown): boolean {
  return isReply(error) && !transientReplies.has(errorCode(error));
}

/** Redis did not do what was asked. `transient`: it may have, or it may do when it is asked again. */
export class RedisUnavailableError extends BackendUnavailableError {
  readonly transient: boolean;

  constructor(message: string, transient: boolean, options?: ErrorOptions) {
    super(message, options);
    this.name = 'BackendUnavailableError';
    this.transient = transient;
  }
}

export function isTransient(error: unknown): boolean {
  return error instanceof RedisUnavailableError && error.transient;
}

/**
 * `error` as users see it. ioredis hangs the command with its arguments on its errors, for AUTH the password: the cause
 * is made anew from the message and the code alone.
 */
export function unavailable(server: string, error: unknown): RedisUnavailableError {
  return new RedisUnavailableError(`Redis at ${server} ${problemOf(error)}`, !isRefusal(error), { cause: bare(error) });
}

function bare(error: unknown): Error {
  const name = error instanceof Error ? error.name : 'Error';
  return Object.assign(new Error(textOf(error)), { name, code: errorCode(error) });
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function problemOf(error: unknown): string {
  const [code, text] = [errorCode(error), textOf(error)];
  if (code === 'WRONGPASS') return 'refused the user name or password';
  if (code === 'NOAUTH') return 'asks for a password';
  if (code === 'NOPERM') return `denies what locks need: ${text}`;
  return isReply(error) ? `answered: ${text}` : `can't be reached: ${text === '' ? code : text}`;
}

/** `failure`: what its connection met, if there is none. */
export function timedOut(server: string, ms: number, failure?: unknown): RedisUnavailableError {
  const silence = `Redis at ${server} did not answer within ${ms} ms`;
  if (failure === undefined) return new RedisUnavailableError(silence, true);
  return new RedisUnavailableError(`${silence}: it ${problemOf(failure)}`, true, { cause: bare(failure) });
}
