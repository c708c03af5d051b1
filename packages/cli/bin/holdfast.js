#!/usr/bin/env node
import { existsSync } from 'node:fs';
import module from 'node:module';
import { join } from 'node:path';

const { HOME, XDG_CACHE_HOME } = process.env;
const caches = XDG_CACHE_HOME || (HOME && join(HOME, '.cache'));

if (module.enableCompileCache !== undefined) {
  // Node 22 and later keep the compiled code, by default in /tmp, where others might put theirs for us to run. Fails silently.
  // Only where there is such a directory: Node spins for ever if it is to make one on a file system such as /proc.
  if (existsSync(caches ?? '')) module.enableCompileCache(join(caches, 'holdfast'));
}
await import('../dist/main.js');
