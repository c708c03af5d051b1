import type { Finding } from '@holdfast/core/adapter';
import { shown } from './address.ts';
import type { Sentinels } from './sentinels.ts';

/** What `holdfast doctor` prints about the sentinels themselves. Never rejects. */
export async function sentinelFindings(sentinels: Sentinels): Promise<Finding[]> {
  const answers = await sentinels.ask();
  const claims = answers.flatMap(({ claim }) => (claim === undefined ? [] : [claim]));
  const silent = answers.filter(({ claim }) => claim === undefined);
  const masters = [...new Set(claims.map(({ address }) => shown(address)))];
  const known = Math.max(0, ...claims.map(({ fields }) => Number(fields.get('num-other-sentinels')) + 1));
  return [
    {
      level: silent.length === 0 ? 'ok' : claims.length > answers.length / 2 ? 'warning' : 'error',
      message: `${claims.length} of ${answers.length} sentinels answer${silent.map(({ error }) => `; ${textOf(error)}`).join('')}`,
    },
    ...(masters.length < 2
      ? masters.map((master): Finding => ({ level: 'ok', message: `the sentinels say that the master is ${master}` }))
      : [{ level: 'warning' as const, message: `the sentinels do not agree on the master: ${masters.join(', ')}` }]),
    ...(known > answers.length
      ? [
          {
            level: 'warning' as const,
            message: `${known} sentinels watch this master, and only ${answers.length} of them are named: while those can't be reached, no failover is seen`,
          },
        ]
      : []),
  ];
}

/** About its replicas, from the master's `INFO`. `replicas`: the option. */
export function replicaFindings(info: ReadonlyMap<string, string>, replicas: number): Finding[] {
  const connected = Number(info.get('connected_slaves') ?? 0);
  if (replicas > connected) {
    return [
      {
        level: 'error',
        message: `a grant counts once ${replicas} replicas have it (option \`replicas\`), but there are ${connected}: nothing can be granted`,
      },
    ];
  }
  if (connected === 0) return [];
  const count = `${connected} ${connected === 1 ? 'replica' : 'replicas'}`;
  if (replicas > 0) return [{ level: 'ok', message: `${count}; a grant counts once ${replicas} have it` }];
  // Redis shows this only where `min-replicas-to-write` is set.
  if (info.has('min_slaves_good_slaves')) {
    return [{ level: 'ok', message: `${count}; without them the master soon grants nothing (min-replicas-to-write)` }];
  }
  return [
    {
      level: 'warning',
      message:
        `${count}, and min-replicas-to-write is 0: a master that is cut off from them goes on granting what a failover forgets. ` +
        'With `min-replicas-to-write 1` it stops after `min-replicas-max-lag` seconds; with the option `replicas` no such grant counts',
    },
  ];
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
