/** All results, or the first failure, but not before all are done: what is left over would disturb whoever is measured next. */
export async function settled<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work);
  return await Promise.all(work);
}
