/** Lets a server itself count what it is asked: a client library may send more than its caller thinks. */
export interface Counter {
  /** What is counted, for the report. */
  readonly unit: string;
  /** How much of it came in while `work` was done, from all clients but the counter itself. Measures no time: counting may slow the server. */
  during(work: () => Promise<unknown>): Promise<number>;
}

/** Of a number that only grows. `own`: by how much one reading adds to it. */
export function counterOf(unit: string, read: () => Promise<number>, own: number): Counter {
  return {
    unit,
    async during(work) {
      const before = await read();
      await work();
      return (await read()) - before - own;
    },
  };
}
