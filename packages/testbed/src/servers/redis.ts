import type { ServerKind } from '../server.ts';
import { resp } from './resp.ts';

export const redis: ServerKind = {
  name: 'redis',
  environmentVariable: 'HOLDFAST_TEST_REDIS_URL',
  image: 'redis',
  containerPort: 6379,
  binary: 'redis-server',
  aptPackage: 'redis-server',

  args({ host, port, dir }, { password, tls, args = [] }) {
    const listen = tls
      ? ['--port', '0', '--tls-port', `${port}`, '--tls-auth-clients', 'no'].concat(
          '--tls-cert-file',
          `${dir}/server.crt`,
          '--tls-key-file',
          `${dir}/server.key`,
        )
      : ['--port', `${port}`];
    // The log is written before a command is answered, so the data outlive a SIGKILL without any fsync.
    const store = ['--dir', dir, '--save', '', '--appendonly', 'yes', '--appendfsync', 'no'];
    const secret = password === undefined ? [] : ['--requirepass', password];
    return ['--bind', host, '--protected-mode', 'no', ...listen, ...store, ...secret, ...args];
  },

  url(port, { password, tls }) {
    const secret = password === undefined ? '' : `:${encodeURIComponent(password)}@`;
    return `${tls ? 'rediss' : 'redis'}://${secret}127.0.0.1:${port}`;
  },

  async probe(url, ca) {
    const { username, password } = new URL(url);
    const info = ['INFO', 'server'];
    const login = ['AUTH', ...(username === '' ? [] : [username]), decodeURIComponent(password)];
    const answers = await resp(url, ca, password === '' ? [info] : [login, info]);
    const field = (name: string): string =>
      new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(String(answers.at(-1)))?.[1] ?? '';
    // Valkey says which Redis it is compatible with, and beside that which it is.
    return { version: field('valkey_version') || field('redis_version'), pid: Number(field('process_id')) };
  },
};
