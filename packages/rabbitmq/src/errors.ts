import { BackendUnavailableError } from '@holdfast/core/adapter';

/** Reply codes of AMQP 0-9-1. */
const ACCESS_REFUSED = 403;
const NOT_FOUND = 404;
const PRECONDITION_FAILED = 406;

/** The channel is closed, or its connection: what it held is in the queue again. */
export class DisconnectedError extends Error {
  override readonly name = 'DisconnectedError';
}

/** The queue was deleted, and all its consumers were told so. */
export class QueueGoneError extends Error {
  override readonly name = 'QueueGoneError';
}

/** No connection could be made. The message says where to. */
export class ConnectError extends Error {
  override readonly name = 'ConnectError';
}

/** The server did not answer within the patience. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';
}

/** A queue that is being created. */
export class NotReadyError extends Error {
  override readonly name = 'NotReadyError';
}

/** Whether to ask again may help. */
export function isPassing(error: unknown): boolean {
  if ([DisconnectedError, QueueGoneError, NotReadyError].some((kind) => error instanceof kind)) return true;
  if (error instanceof ConnectError) return isNetwork(error.cause);
  return replyCode(error) === NOT_FOUND;
}

export function isQueueGone(error: unknown): boolean {
  return error instanceof QueueGoneError || replyCode(error) === NOT_FOUND;
}

/** Node gives the errors of its sockets a code that is a string; a refusal by the broker has none, or a number. */
function isNetwork(error: unknown): boolean {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).code === 'string';
}

function replyCode(error: unknown): number | undefined {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return typeof code === 'number' ? code : undefined;
}

export function unavailable(cause: unknown, queue?: string): BackendUnavailableError {
  if (cause instanceof BackendUnavailableError) return cause;
  const root = cause instanceof ConnectError && cause.cause instanceof Error ? cause.cause : cause;
  const text = root instanceof Error ? root.message || (root as NodeJS.ErrnoException).code : String(root);
  return new BackendUnavailableError(`${summary(cause, queue)}: ${text}`, { cause: root });
}

function summary(cause: unknown, queue: string | undefined): string {
  if (cause instanceof ConnectError) {
    return isNetwork(cause.cause) ? 'RabbitMQ can’t be reached' : `RabbitMQ refused the connection ${cause.message}`;
  }
  switch (replyCode(cause)) {
    case ACCESS_REFUSED:
      return `RabbitMQ refused access to the queue ${queue ?? ''}; its user needs configure, write and read permission for it, and write permission for the default exchange`;
    case PRECONDITION_FAILED:
      return `The queue ${queue ?? ''} exists with other arguments; all clients must give the same \`expires\`, or another \`prefix\``;
    case undefined:
      return 'RabbitMQ did not answer in time';
    default:
      return 'RabbitMQ refused the request';
  }
}
