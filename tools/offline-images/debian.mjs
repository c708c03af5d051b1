/** Trees of files of a release of Debian, by an apt that knows neither the packages nor the sources of this machine. Nobody need be root. */
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CommandError, quietly } from '../run.mjs';

const run = promisify(execFile);

const MIRROR = 'http://deb.debian.org/debian';
const KEYS = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** What nobody reads in a container. */
const UNREAD = ['doc', 'info', 'lintian', 'locale', 'man'].map((name) => `usr/share/${name}`);

/**
 * Unpacks the archives in `$1` into `$2`, and says of each of them, in `$3`, that it is installed. No script of a package runs: what
 * they would do is what `FINISH` does.
 */
const UNPACK = `
set -eu
for archive in "$1"/*.deb; do
  [ -f "$archive" ] || continue
  dpkg-deb --extract "$archive" "$2"
  { dpkg-deb --field "$archive" | sed '1a Status: install ok installed'; echo; } >> "$3"
  rm "$archive"
done
`;

/** In the tree `$1`: the accounts, and the alternatives without which its own scripts do not run. */
const FINISH = `
set -eu
cd "$1"
cp usr/share/base-passwd/passwd.master etc/passwd
cp usr/share/base-passwd/group.master etc/group
rm -rf var/run var/lock
ln -s /run var/run
ln -s /run/lock var/lock
ln -sf mawk usr/bin/awk
ln -sf which.debianutils usr/bin/which
rm -rf ${UNREAD.join(' ')} usr/share/doc-base var/cache/apt var/lib/apt
`;

/** The release `suite`, with its essential packages in a tree; all in the new directory `dir`. */
export async function openRelease(suite, dir) {
  const release = { suite, dir, status: join(dir, 'status'), base: join(dir, 'base') };
  for (const name of ['lists/partial', 'base']) mkdirSync(join(dir, name), { recursive: true });
  writeFileSync(release.status, '');
  writeFileSync(join(dir, 'sources.list'), `deb [signed-by=${KEYS}] ${MIRROR} ${suite} main\n`);
  const cache = join(dir, 'cache');
  await apt(release, cache, 'update');
  await apt(release, cache, 'install', '--download-only', '?essential');
  await quietly('sh', ['-c', UNPACK, 'unpack', join(cache, 'archives'), release.base, release.status]);
  await quietly('sh', ['-c', FINISH, 'finish', release.base]);
  return release;
}

/** A new tree at `path`: the release's essential packages and these, with all that they depend on but what is in `without`. */
export async function treeOf(release, packages, without = [], path) {
  await quietly('cp', ['--archive', release.base, path]);
  if (packages.length === 0) return;
  const cache = `${path}.cache`;
  await apt(release, cache, 'install', '--download-only', ...packages);
  const archives = join(cache, 'archives');
  const unwanted = readdirSync(archives).filter((archive) => without.includes(archive.split('_')[0]));
  for (const archive of unwanted) rmSync(join(archives, archive));
  await quietly('sh', ['-c', UNPACK, 'unpack', archives, path, '/dev/null']);
  for (const name of UNREAD) rmSync(join(path, name), { recursive: true, force: true });
  rmSync(cache, { recursive: true });
}

async function apt({ suite, dir, status }, cache, ...args) {
  mkdirSync(join(cache, 'archives/partial'), { recursive: true });
  const options = {
    'APT::Sandbox::User': '',
    'APT::Install-Recommends': 'false',
    'Acquire::Languages': 'none',
    'Dir::State': dir,
    'Dir::State::status': status,
    'Dir::Cache': cache,
    'Dir::Etc::SourceList': join(dir, 'sources.list'),
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::Etc::Preferences': '/dev/null',
    'Dir::Etc::PreferencesParts': '/dev/null',
    // Nobody installs anything: those who download at the same time have a cache each.
    'Debug::NoLocking': 'true',
  };
  const flags = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  try {
    await run('apt-get', ['--quiet', '--yes', ...flags, ...args], {
      env: { ...process.env, LC_ALL: 'C' },
      maxBuffer: Infinity,
    });
  } catch (cause) {
    const errors = (cause.stderr ?? '').split('\n').filter((line) => line.startsWith('E: '));
    const reason = errors.join(' ') || String(cause);
    throw new CommandError(`apt-get ${args.join(' ')} from Debian ${suite} failed: ${reason}`, { cause });
  }
}
