/** A network that no other interface of this machine has an address in. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { quietly } from '../run.mjs';

/** Of 10.0.0.0/8: the upper half is the rarer one. */
const SECOND_BYTES = Array.from({ length: 100 }, (_, i) => 250 - i);

/** `10.x.0.0/16`, for which the table has no route: the first /24 is the bridge's, the upper half is for networks to come. */
export function freeBlock(table = readFileSync('/proc/net/route', 'utf8')) {
  const routes = routesOf(table);
  const second = SECOND_BYTES.find((byte) => !routes.some((route) => overlaps(route, byte)));
  if (second === undefined) throw new Error('This machine has a route for every network that the engine could use');
  return { prefix: `10.${second}.`, address: `10.${second}.0.1/24`, pool: `10.${second}.128.0/17` };
}

/** Destinations and masks but the default one: hexadecimal numbers in the byte order of the machine, little-endian. */
function routesOf(table) {
  const rows = table
    .trim()
    .split('\n')
    .slice(1)
    .map((row) => row.split('\t'));
  const numbers = rows.map((row) => ({ destination: bytesOf(row[1]), mask: bytesOf(row[7]) }));
  return numbers.filter(({ mask }) => mask[0] !== 0);
}

const bytesOf = (hex) => [...Buffer.from(hex, 'hex')].toReversed();

function overlaps({ destination, mask }, second) {
  return (10 & mask[0]) === (destination[0] & mask[0]) && (second & mask[1]) === (destination[1] & mask[1]);
}

/** Its name. */
export async function createBridge({ address }) {
  const name = `holdfast${randomBytes(3).toString('hex')}`;
  await quietly('ip', ['link', 'add', name, 'type', 'bridge']);
  await quietly('ip', ['address', 'add', address, 'dev', name]);
  await quietly('ip', ['link', 'set', name, 'up']);
  return name;
}

/** With those that the engine made for networks of its own. */
export async function removeBridges({ prefix }) {
  const listed = JSON.parse(await quietly('ip', ['-json', '-4', 'address', 'show']));
  const ours = listed.filter(({ addr_info: addresses }) => addresses.some(({ local }) => local?.startsWith(prefix)));
  for (const { ifname } of ours) await quietly('ip', ['link', 'delete', ifname]);
}
