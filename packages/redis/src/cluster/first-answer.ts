/**
 * Asks one after the other, the next as soon as one fails or has not answered within `hedgeMs`: one that hangs must not keep the answer
 * of the others. Rejects with the last error when all have failed.
 */
export function firstAnswer<C, A>(
  all: Iterable<C>,
  hedgeMs: number,
  ask: (candidate: C) => Promise<A>,
): Promise<{ answer: A; from: C }> {
  const candidates = [...all];
  return new Promise((resolve, reject) => {
    let asked = 0;
    let failed = 0;
    let timer: NodeJS.Timeout | undefined;
    const askNext = (): void => {
      clearTimeout(timer);
      const candidate = candidates[asked];
      if (candidate === undefined) return;
      asked += 1;
      timer = setTimeout(askNext, hedgeMs).unref();
      ask(candidate).then(
        (answer) => {
          clearTimeout(timer);
          asked = candidates.length;
          resolve({ answer, from: candidate });
        },
        (error: unknown) => {
          failed += 1;
          if (failed < candidates.length) return askNext();
          clearTimeout(timer);
          reject(error);
        },
      );
    };
    askNext();
  });
}
