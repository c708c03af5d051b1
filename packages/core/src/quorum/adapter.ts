import type { Adapter } from '../contract.ts';
import { ConfigError } from '../errors.ts';
import { QuorumBackend } from './backend.ts';
import { membersIn } from './members-url.ts';
import { openMembers } from './members.ts';

/** `quorum:redis://a,redis://b,redis://c`: the URLs of the members, each with its own parameters. */
export const createFromUrl: Adapter['create'] = async ({ url = '', options, directory }) => {
  if (options !== undefined && Object.keys(options).length > 0) {
    throw new ConfigError('A quorum takes no `options`; give each member its own in its URL');
  }
  return new QuorumBackend(await openMembers(membersIn(url), directory === undefined ? {} : { directory }));
};
