import { createLocks, quorum } from '@holdfast/core';

/** What a peer does: a quorum of the spaces that it was sent. */
export const open = (spaces) => createLocks(quorum(spaces.map((space) => ({ backend: 'memory', options: { space } }))));
