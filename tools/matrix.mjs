/**
 * `npm run matrix`: writes the table of what each backend promises into README.md, from the adapters' manifests. With
 * `--check` it only fails when the table there is another.
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CommandError, isMain, main, readJson, root } from './run.mjs';

const README = join(root, 'README.md');
const BETWEEN_MARKERS = /(?<=<!-- matrix -->\n)[^]*(?=<!-- \/matrix -->)/;

const ms = (duration) => (duration < 1000 ? `${duration} ms` : `${duration / 1000} s`);

export function matrix(adapters) {
  const header = [
    'backend',
    'modes',
    'order',
    'waiters are',
    'crashed holder freed',
    'smallest ttl',
    'lease per',
    'tokens grow',
    'steal',
    'query',
    'reach',
  ];
  const rows = adapters.map(({ name, protocols, capabilities: c }) => [
    `[${name}](packages/${name}/README.md)<br>${protocols.map((protocol) => `\`${protocol}\``).join(' ')}`,
    c.modes.join(', '),
    c.fifo ? 'first in, first out' : 'any',
    c.wakeup === 'push' ? 'woken' : 'polling',
    `${c.takeover === 'on-disconnect' ? 'on disconnect, else ' : ''}after its ttl + ${ms(c.ttl.granularityMs)} at most`,
    ms(c.ttl.minMs),
    c.lease,
    c.fencing === 'per-name' ? 'per name' : 'over all names',
    c.steal ? 'yes' : 'no',
    c.query ? 'yes' : 'no',
    c.reach,
  ]);
  const table = [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  const durability = adapters.map(({ name, capabilities }) => `- **${name}**: ${capabilities.durability}.`).join('\n');
  return `\n${table}\n\nWhat a restart or failover of the backend does:\n\n${durability}\n\n`;
}

async function readAdapters() {
  const adapters = [];
  for (const directory of readdirSync(join(root, 'packages')).toSorted()) {
    const { private: isPrivate, peerDependencies } = readJson(`packages/${directory}/package.json`);
    if (isPrivate || peerDependencies?.['@holdfast/core'] === undefined) continue;
    const { adapter } = await import(pathToFileURL(join(root, 'packages', directory, 'dist/index.js')).href);
    adapters.push(adapter);
  }
  return adapters;
}

async function update() {
  const readme = readFileSync(README, 'utf8');
  if (!BETWEEN_MARKERS.test(readme)) throw new CommandError('README.md has no <!-- matrix --> markers');
  const table = matrix(await readAdapters());
  const updated = readme.replace(BETWEEN_MARKERS, () => table);
  if (updated === readme) return 0;
  if (process.argv.includes('--check'))
    throw new CommandError('The matrix in README.md is not what the manifests say: npm run matrix');
  writeFileSync(README, updated);
  return 0;
}

if (isMain(import.meta.url)) await main(update);
