import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { aptInstall, whyNoApt } from './apt.ts';

/** Servers are often outside a user's PATH. */
const SYSTEM_DIRECTORIES = [
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/bin',
  '/opt/homebrew/bin',
  '/usr/local/go/bin',
];

/** Where `binary` is; installs the distribution's package if it, or `file`, is missing and this machine allows that. */
export async function findBinary(binary: string, aptPackage: string, file?: string): Promise<string> {
  const present = await look(binary);
  if (present !== undefined && (await isThere(file))) return present;
  const obstacle = await whyNoApt();
  if (obstacle !== undefined)
    throw new Error(`${file ?? binary} is not installed and ${obstacle}: install what Debian calls ${aptPackage}`);
  await aptInstall(aptPackage);
  const installed = await look(binary);
  if (installed === undefined || !(await isThere(file)))
    throw new Error(`the package ${aptPackage} has no ${file ?? binary}`);
  return installed;
}

export async function look(binary: string): Promise<string | undefined> {
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), ...SYSTEM_DIRECTORIES];
  for (const directory of directories) {
    const path = join(directory, binary);
    if (await isExecutable(path)) return path;
  }
  return undefined;
}

async function isThere(file: string | undefined): Promise<boolean> {
  if (file === undefined) return true;
  return access(file).then(
    () => true,
    () => false,
  );
}

export async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
