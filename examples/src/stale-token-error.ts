/** The resource has seen a newer token: this holder's lock was lost, perhaps without its knowledge. */
export class StaleTokenError extends Error {
  override readonly name = 'StaleTokenError';
}
