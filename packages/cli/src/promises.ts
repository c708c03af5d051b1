import type { Capabilities } from '@holdfast/core';

/** A backend's manifest in words: what, and how. */
export function promises(capabilities: Capabilities): [string, string][] {
  const { modes, steal, query, fifo, wakeup, lease, takeover, ttl, fencing, reach, durability } = capabilities;
  return [
    ['reach', reachWords[reach]],
    ['modes', `${modes.join(', ')}${steal ? '; can be stolen' : ''}${query ? '' : '; cannot be queried'}`],
    ['order', fifo ? 'first come, first served' : 'no order among waiters'],
    ['waiting', wakeup === 'push' ? 'the backend wakes the next in line' : 'waiters ask again, less and less often'],
    ['crashed holder', takeoverWords(takeover, ttl.granularityMs)],
    ['shortest ttl', `${ttl.minMs} ms`],
    ['proof of life', lease === 'grant' ? 'each lock is renewed' : 'one session for all locks of a process'],
    [
      'fencing tokens',
      fencing === 'per-name' ? 'grow with every grant of a name' : 'grow with every grant of any name',
    ],
    ['durability', durability],
  ];
}

const reachWords: Readonly<Record<Capabilities['reach'], string>> = {
  process: 'the threads of one process',
  host: 'the processes of one host',
  network: 'every host that reaches the server',
};

function takeoverWords(takeover: Capabilities['takeover'], granularityMs: number): string {
  const atMost = granularityMs === 0 ? 'its ttl' : `its ttl and ${granularityMs} ms`;
  return takeover === 'after-ttl'
    ? `keeps others out for at most ${atMost}`
    : `frees the lock when its connection ends, at the latest after ${atMost}`;
}
