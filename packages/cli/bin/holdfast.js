#!/usr/bin/env node
import module from 'node:module';
import { setFlagsFromString } from 'node:v8';

// Node 22 and later keep the compiled code: a third less to do at each start.
module.enableCompileCache?.();
// A wrapper computes next to nothing: in its short life the optimizing compiler costs CPU time and gives none back.
if (process.argv[2] === 'run') setFlagsFromString('--no-opt');
await import('../dist/main.js');
