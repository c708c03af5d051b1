import { ZooKeeperError } from '../errors.ts';

export function hasCode(error: unknown, code: number): boolean {
  return error instanceof ZooKeeperError && error.code === code;
}
