import { mkdir, statfs } from 'node:fs/promises';
import { ConfigError } from '@holdfast/core/adapter';

/**
 * File systems that only one kernel can have mounted for writing, by `f_type` of statfs(2) (linux/magic.h). On all others the
 * order of appends, a listing, and "nobody listens at this socket" may differ from host to host.
 */
const local: ReadonlyMap<number, string> = new Map([
  [0xef53, 'ext'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0xca451a4e, 'bcachefs'],
  [0xf2f52010, 'f2fs'],
  [0x2fc12fc1, 'zfs'],
  [0x01021994, 'tmpfs'],
  [0x858458f6, 'ramfs'],
  [0x794c7630, 'overlay'],
  [0x3153464a, 'jfs'],
  [0x52654973, 'reiserfs'],
]);
const localOnMac: ReadonlyMap<number, string> = new Map([
  [0x11, 'hfs'],
  [0x1a, 'apfs'],
]);

/** The name of the file system at `path`; `undefined` if it is not known to be local. */
export async function localFileSystem(path: string): Promise<string | undefined> {
  // Some kernels hand out the number sign-extended.
  const type = (await statfs(path)).type >>> 0;
  return (process.platform === 'linux' ? local : localOnMac).get(type);
}

/**
 * Makes `directory` with its `sessions`, for this user only, and refuses a place where the locks could not be kept. Resolves with
 * the name of the file system, as far as it is known to be local.
 */
export async function prepareRoot(
  directory: string,
  sessions: string,
  assumeLocal: boolean,
): Promise<string | undefined> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const fileSystem = await localFileSystem(directory);
  if (!assumeLocal && fileSystem === undefined) {
    throw new ConfigError(
      `${directory} is not on a file system that is known to belong to this host alone (a network file system can't keep these locks). Choose another directory, or set \`assumeLocal: true\` if only this host uses it`,
    );
  }
  await mkdir(sessions, { recursive: true, mode: 0o700 });
  return fileSystem;
}
