import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { isExecutable } from './binary.ts';

const run = promisify(execFile);

/**
 * Installs `$1` under a lock that the kernel drops with the process. Debian starts a service when its package is
 * installed unless `policy-rc.d` forbids it: that file is put there for the time of the installation, unless the machine
 * has one of its own, whose word then counts. One that a killed installation left behind bears the mark.
 */
const INSTALL = `
set -eu
mark='# placed by the holdfast testbed'
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ] || grep -q "$mark" "$policy"; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 1' HUP INT TERM
  printf '#!/bin/sh\\n%s\\nexit 101\\n' "$mark" > "$policy"
  chmod 755 "$policy"
fi
install() { apt-get install --yes --quiet --no-install-recommends -o DPkg::Lock::Timeout=300 "$1"; }
install "$1" || { apt-get update --quiet && install "$1"; }
`;

/** Why packages can't be installed here; `undefined` if they can. */
export async function whyNoApt(): Promise<string | undefined> {
  if (!(await isExecutable('/usr/bin/apt-get'))) return 'there is no apt-get to install it with';
  if (process.getuid?.() !== 0) return 'only root may install it';
  return undefined;
}

export async function aptInstall(name: string): Promise<void> {
  process.stderr.write(`testbed: installing the package ${name} with apt-get\n`);
  try {
    await run('flock', ['/run/lock/holdfast-testbed', '/bin/sh', '-c', INSTALL, 'install', name], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
      maxBuffer: Infinity,
    });
  } catch (cause) {
    const { stderr = '' } = cause as { stderr?: string };
    throw new Error(`apt-get could not install ${name}: ${stderr.trim().split('\n').slice(-3).join(' ')}`, { cause });
  }
}
