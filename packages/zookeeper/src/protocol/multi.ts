import { ZooKeeperError } from '../errors.ts';
import type { JuteReader } from './jute.ts';
import type { Operation } from './operations.ts';

const MULTI = 14;
const ERROR = -1;

/** All of the operations in one transaction, or none: then throws the `ZooKeeperError` of the first that can't be done. */
export function multi(operations: readonly Operation<unknown>[]): Operation<unknown[]> {
  return {
    type: MULTI,
    isLed: true,
    path: operations[0]?.path ?? '',
    write(writer) {
      for (const operation of operations) {
        writer.int(operation.type).bool(false).int(-1);
        operation.write(writer);
      }
      writer.int(-1).bool(true).int(-1);
    },
    read: (reader) => readResults(reader, operations),
  };
}

function readResults(reader: JuteReader, operations: readonly Operation<unknown>[]): unknown[] {
  const results: unknown[] = [];
  let failure: ZooKeeperError | undefined;
  for (const operation of operations) {
    const type = reader.int();
    reader.bool();
    reader.int();
    if (type !== ERROR) {
      results.push(operation.read(reader));
      continue;
    }
    // The operations that could be done, or were not tried any more, also answer with an error: OK or RUNTIMEINCONSISTENCY.
    const code = reader.int();
    if (code !== 0 && code !== -2) failure ??= new ZooKeeperError(code, operation.path);
  }
  if (failure !== undefined) throw failure;
  if (results.length < operations.length) throw new ZooKeeperError(-2, operations[0]?.path ?? '');
  return results;
}
