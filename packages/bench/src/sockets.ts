import { readdir, readlink } from 'node:fs/promises';

const FDS = '/proc/self/fd';

/** How many sockets this process has open; `undefined` where the system does not tell in this way. */
export async function openSockets(): Promise<number | undefined> {
  if (process.platform !== 'linux') return undefined;
  const targets = await Promise.allSettled((await readdir(FDS)).map((fd) => readlink(`${FDS}/${fd}`)));
  return targets.filter((target) => target.status === 'fulfilled' && target.value.startsWith('socket:')).length;
}
