import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { aptInstall, whyNoApt } from './apt.ts';

/** Servers are often outside a user's PATH. */
const SYSTEM_DIRECTORIES = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/opt/homebrew/bin'];

/** Where `binary` is; installs the distribution's package if it is missing and this machine allows that. */
export async function findBinary(binary: string, aptPackage: string): Promise<string> {
  const present = await look(binary);
  if (present !== undefined) return present;
  const obstacle = await whyNoApt();
  if (obstacle !== undefined) throw new Error(`${binary} is not installed and ${obstacle}`);
  await aptInstall(aptPackage);
  const installed = await look(binary);
  if (installed === undefined) throw new Error(`the package ${aptPackage} has no ${binary}`);
  return installed;
}

async function look(binary: string): Promise<string | undefined> {
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), ...SYSTEM_DIRECTORIES];
  for (const directory of directories) {
    const path = join(directory, binary);
    if (await isExecutable(path)) return path;
  }
  return undefined;
}

export async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
