import { BackendUnavailableError, ConfigError, HoldfastError } from '@holdfast/core/adapter';

/** No answer within the time that one may take. */
export class SilenceError extends Error {
  override readonly name = 'SilenceError';

  constructor(what: string, ms: number) {
    super(`No answer to ${what} within ${ms} ms`);
  }
}

/** A connection that was given up here, or a client that was closed. */
export class ClosedError extends Error {
  override readonly name = 'ClosedError';
}

/** The log is not the one that was read before: a new leader lacks some of it, or the topic was deleted and made anew. */
export class DivergedError extends Error {
  override readonly name = 'DivergedError';

  constructor() {
    super('The log is not what it was: records were lost, or the topic was made anew');
  }
}

/** `patience` is over, and what was to be appended has not been sent. */
export class NeverSentError extends BackendUnavailableError {
  override readonly name = 'BackendUnavailableError';
}

/** The protocol's name of an error that a broker answered: `NOT_LEADER_FOR_PARTITION`, … */
export function errorType(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('type' in error && typeof error.type === 'string') return error.type;
  // Creating topics: one error for each topic, in an aggregate.
  if ('errors' in error && Array.isArray(error.errors)) return errorType(error.errors[0]);
  return undefined;
}

/** Answers of brokers that start, stop, elect a leader or lack replicas: another attempt may succeed. */
const transient = new Set([
  'CORRUPT_MESSAGE',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_FOR_PARTITION',
  'REQUEST_TIMED_OUT',
  'BROKER_NOT_AVAILABLE',
  'REPLICA_NOT_AVAILABLE',
  'NETWORK_EXCEPTION',
  'NOT_ENOUGH_REPLICAS',
  'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
  'NOT_CONTROLLER',
  'KAFKA_STORAGE_ERROR',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'COORDINATOR_NOT_AVAILABLE',
  'GROUP_LOAD_IN_PROGRESS',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
]);

/** The broker does not know the producer's sequence any more, after a loss of data or a very long pause. */
const sequenceErrors = new Set([
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'DUPLICATE_SEQUENCE_NUMBER',
  'INVALID_PRODUCER_EPOCH',
  'UNKNOWN_PRODUCER_ID',
  'INVALID_PRODUCER_ID_MAPPING',
]);

export function isSequenceError(error: unknown): boolean {
  return sequenceErrors.has(errorType(error) ?? '');
}

const connectionErrors = new Set([
  'KafkaJSConnectionError',
  'KafkaJSConnectionClosedError',
  'KafkaJSRequestTimeoutError',
  'KafkaJSLockTimeout',
  'KafkaJSBrokerNotFound',
]);

/** Nobody answered, or who answered asks to be asked again: whether the request was carried out is not known. */
export function isUnclear(error: unknown): boolean {
  if (error instanceof SilenceError || error instanceof ClosedError) return true;
  const type = errorType(error);
  if (type !== undefined) return transient.has(type) || sequenceErrors.has(type);
  return error instanceof Error && connectionErrors.has(error.name);
}

/** What users see. The password is in none of kafkajs's messages, but its errors may carry the request: the cause is made anew. */
export function unavailable(error: unknown): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const type = errorType(error);
  const cause = Object.assign(new Error(text), {
    name: error instanceof Error ? error.name : 'Error',
    ...(type === undefined ? {} : { type }),
  });
  return new BackendUnavailableError(`Kafka ${problem(error, type)}: ${text}`, { cause });
}

function problem(error: unknown, type: string | undefined): string {
  if (isAuthenticationError(error)) return 'refused the user name or password';
  if (type !== undefined && type.endsWith('AUTHORIZATION_FAILED'))
    return 'denies what locks need (Describe, Read and Write on the topic)';
  if (type !== undefined && !isUnclear(error)) return `answered ${type}`;
  return isUnclear(error) ? "can't be reached" : "can't be used";
}

export function isAuthenticationError(error: unknown): boolean {
  return error instanceof Error && error.name.startsWith('KafkaJSSASLAuthenticationError');
}

/** The topic can't be used for locks; `commands` are what an administrator can run. */
export function unfit(message: string, commands: readonly string[] = []): ConfigError {
  return new ConfigError(
    commands.length === 0 ? message : `${message} To be run by an administrator:\n${commands.join('\n')}`,
  );
}
