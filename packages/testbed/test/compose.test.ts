import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

interface Service {
  readonly name: string;
  readonly text: string;
}

const read = (path: string): Promise<string> => readFile(new URL(path, import.meta.url), 'utf8');
const images = JSON.parse(await read('../images.json')) as Record<string, string>;
const services = servicesOf(await read('../../../docker-compose.yml'));

/** Everything at the second level of `services`, the last part of the file. */
function servicesOf(compose: string): Service[] {
  const [, all = ''] = compose.split(/^services:\n/m);
  return all
    .split(/^ {2}(?=\S)/m)
    .slice(1)
    .map((text) => ({ name: text.slice(0, text.indexOf(':')), text }));
}

test('docker-compose.yml has the images that the tests use', () => {
  const used = services.map(({ name, text }) => [name, /^ {4}image: (\S+)$/m.exec(text)?.[1]] as const);
  expect(Object.fromEntries(used)).toEqual(images);
});

test('every service is started by its name, and by all', () => {
  for (const { name, text } of services) {
    const profiles = /^ {4}profiles: \[(.*)\]$/m.exec(text)?.[1]?.split(', ');
    expect(profiles, name).toEqual(expect.arrayContaining([name, 'all']));
  }
});

test('the URL of a service is at the port that it publishes, which can be chosen', () => {
  for (const { name, text } of services) {
    const published = /^ {8}published: '(.*)'$/m.exec(text)?.[1];
    const variable = `HOLDFAST_${name.replaceAll('-', '_').toUpperCase()}_PORT`;
    expect(published, name).toMatch(new RegExp(String.raw`^\$\{${variable}:-\d+\}$`));
    expect(/^ {6}dev\.holdfast\.url: (\S+)$/m.exec(text)?.[1], name).toContain(`127.0.0.1:${published}`);
  }
});

test('every service has a health check', () => {
  expect(services.filter(({ text }) => !text.includes('\n    healthcheck:\n'))).toEqual([]);
});
