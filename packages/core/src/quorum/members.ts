import type { AdapterConfig, LockBackend, Voting } from '../contract.ts';
import { isBackend } from '../config/is-backend.ts';
import { makeBackend } from '../config/open.ts';
import { redactUrl } from '../config/redact.ts';
import { ConfigError, UnsupportedError } from '../errors.ts';
import { placesOf } from './places.ts';

/** A backend and the adapter's own options, as for `createLocks`. */
export interface MemberConfig {
  readonly backend: string;
  readonly options?: Readonly<Record<string, unknown>> | undefined;
}

/** A URL, a config, or a backend that an adapter's factory made. */
export type QuorumMember = string | MemberConfig | LockBackend;

export type VotingBackend = LockBackend & { readonly voting: Voting };

/** Fewer can lose none of them. */
const FEWEST = 3;

/** Throws `ConfigError` for what can't be a quorum, `UnsupportedError` for a backend that can't be a member. */
export async function openMembers(
  members: readonly QuorumMember[],
  config: Pick<AdapterConfig, 'directory'> = {},
): Promise<VotingBackend[]> {
  if (!Array.isArray(members) || members.length < FEWEST) {
    throw new ConfigError(`Expected a quorum of at least ${FEWEST} members: of fewer none may fail`);
  }
  refuseDuplicates(members);
  const outcomes = await Promise.allSettled(members.map(async (member) => await open(member, config)));
  const opened = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  try {
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    return opened.map(votingOf);
  } catch (error) {
    await Promise.allSettled(opened.map((backend) => backend.close()));
    throw error;
  }
}

async function open(member: QuorumMember, { directory }: Pick<AdapterConfig, 'directory'>): Promise<LockBackend> {
  if (isBackend(member)) return member;
  const { backend, options, ...rest } = typeof member === 'string' ? { backend: member } : { ...member };
  const unknown = Object.keys(rest);
  if (typeof backend !== 'string' || unknown.length > 0) {
    throw new ConfigError(
      'Expected each member of a quorum to be a URL, an object { backend, options }, or a backend made by an adapter',
    );
  }
  return await makeBackend(backend, {
    ...(options === undefined ? {} : { options }),
    ...(directory === undefined ? {} : { directory }),
  });
}

function votingOf(backend: LockBackend): VotingBackend {
  if (backend.voting !== undefined) return backend as VotingBackend;
  throw new UnsupportedError(
    `The ${backend.name} backend can't be a member of a quorum: its tokens can't be raised to the one that the members agree on`,
  );
}

/** One server with two votes would be a majority by itself, or with one other. What is not seen here gives only one of two votes. */
function refuseDuplicates(members: readonly QuorumMember[]): void {
  const seen = new Set<string>();
  members.forEach((member, i) => {
    if (members.slice(0, i).some((other) => other === member || areSameConfig(other, member))) {
      throw new ConfigError(`Expected the members of a quorum to differ: number ${i + 1} is there twice`);
    }
    const url = typeof member === 'string' ? member : isBackend(member) ? undefined : urlOf(member);
    for (const place of url === undefined ? [] : placesOf(url)) {
      if (seen.has(place)) {
        throw new ConfigError(
          `Expected the members of a quorum to be independent servers: ${redactUrl(url ?? '')} leads to the same one as another member`,
        );
      }
      seen.add(place);
    }
  });
}

function areSameConfig(a: QuorumMember, b: QuorumMember): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || isBackend(a) || isBackend(b)) return false;
  const [some, others] = [Object.entries(a.options ?? {}), b.options ?? {}];
  const areSame = some.every(([key, value]) => Object.is(value, others[key]));
  return a.backend === b.backend && areSame && some.length === Object.keys(others).length;
}

function urlOf({ backend, options }: MemberConfig): string | undefined {
  const url = options?.['url'] ?? backend;
  return typeof url === 'string' && url.includes(':') ? url : undefined;
}
