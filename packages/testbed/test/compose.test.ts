import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

test('docker-compose.yml has the images that the tests use', async () => {
  const compose = await readFile(new URL('../../../docker-compose.yml', import.meta.url), 'utf8');
  const images = JSON.parse(await readFile(new URL('../images.json', import.meta.url), 'utf8')) as Record<
    string,
    string
  >;
  const used = Array.from(compose.matchAll(/^ +image: (\S+)$/gm), ([, image]) => image);
  expect(used.toSorted()).toEqual(Object.values(images).toSorted());
});
