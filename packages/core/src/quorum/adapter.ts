import type { Adapter } from '../contract.ts';
import { ConfigError } from '../errors.ts';
import { QuorumBackend } from './backend.ts';
import { openMembers } from './members.ts';

/** Between the URLs of two members; not between the hosts of one. */
const BETWEEN = /,(?=[a-z][a-z0-9+.-]*:\/\/|memory:)/i;

/** `quorum:redis://a,redis://b,redis://c`: the URLs of the members, each with its own parameters. */
export const createFromUrl: Adapter['create'] = async ({ url = '', options, directory }) => {
  if (options !== undefined && Object.keys(options).length > 0) {
    throw new ConfigError('A quorum takes no `options`; give each member its own in its URL');
  }
  const members = url.replace(/^quorum:/i, '').split(BETWEEN);
  return new QuorumBackend(await openMembers(members, directory === undefined ? {} : { directory }));
};
