import type { Case, Violation } from './violation.ts';

/** Rule (f): what was found at the end, and clients that ended by themselves. */
export function checkLeftovers({ events, leftovers }: Case): Violation[] {
  const end = events.at(-1)?.t ?? 0;
  const died = events.flatMap((event): Violation[] =>
    event.type === 'died'
      ? [
          {
            rule: 'leftovers',
            message: `client ${event.client}.${event.life} ended by itself with ${event.status}`,
            ops: [],
            from: event.t,
            to: event.t,
          },
        ]
      : [],
  );
  return [
    ...died,
    ...leftovers.map((message): Violation => ({ rule: 'leftovers', message, ops: [], from: end, to: end })),
  ];
}

/** What `acquire` may reject with once its arguments were accepted; an abort is the client's own reason. */
const expectedCodes = new Set(['LOCK_TIMEOUT', 'LOCK_LOST', 'LOCKS_CLOSED', 'BACKEND_UNAVAILABLE', 'ABORTED']);

/** An error of a driver's that nobody classified tells the user nothing. */
export function checkErrors({ attempts, events }: Case): Violation[] {
  const failures = attempts.flatMap(({ op, name, failure, answeredAt }) =>
    failure === undefined ? [] : [{ op, name, code: failure.code, text: failure.message, at: answeredAt ?? 0 }],
  );
  const releases = events.flatMap((event) =>
    event.type === 'released' && event.code !== undefined
      ? [{ op: event.op, name: 'release', code: event.code, text: '', at: event.t }]
      : [],
  );
  return [...failures, ...releases]
    .filter(({ code }) => !expectedCodes.has(code))
    .map(({ op, name, code, text, at }) => ({
      rule: 'errors' as const,
      message: `${JSON.stringify(name)}: ${op} failed with ${code}: ${text}`,
      ops: [op],
      from: at,
      to: at,
    }));
}
