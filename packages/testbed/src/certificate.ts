import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { keepDirectory, removeDirectory } from './keeper/keeper.ts';
import { findBinary } from './sources/binary.ts';

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

const run = promisify(execFile);

/** A fresh self-signed certificate for this host, valid for a day, in PEM. */
export async function selfSigned(): Promise<Certificate> {
  const openssl = await findBinary('openssl', 'openssl');
  const dir = await keepDirectory('holdfast-tls-');
  try {
    const [cert, key] = [join(dir, 'cert'), join(dir, 'key')];
    await run(openssl, [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'],
      ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
      ...['-keyout', key, '-out', cert],
    ]);
    return { cert: await readFile(cert, 'utf8'), key: await readFile(key, 'utf8') };
  } finally {
    await removeDirectory(dir);
  }
}
