/** Half open: `from` belongs to it, `to` does not. In µs. */
export interface Interval {
  readonly from: number;
  readonly to: number;
}

/** When at least one of `waits` ran and none of `holds`. */
export function stalls(waits: readonly Interval[], holds: readonly Interval[]): Interval[] {
  const edges = [...edgesOf(waits, 'waiting'), ...edgesOf(holds, 'holding')].sort((a, b) => a.at - b.at);
  const count = { waiting: 0, holding: 0 };
  const found: Interval[] = [];
  let since: number | undefined;
  for (let i = 0; i < edges.length; i += 1) {
    const edge = edges[i];
    if (edge === undefined) break;
    count[edge.of] += edge.step;
    if (edges[i + 1]?.at === edge.at) continue;
    const stalled = count.waiting > 0 && count.holding === 0;
    if (stalled) since ??= edge.at;
    else if (since !== undefined) {
      found.push({ from: since, to: edge.at });
      since = undefined;
    }
  }
  return found;
}

interface Edge {
  readonly at: number;
  readonly of: 'waiting' | 'holding';
  readonly step: 1 | -1;
}

function edgesOf(intervals: readonly Interval[], of: Edge['of']): Edge[] {
  return intervals
    .filter(({ from, to }) => to > from)
    .flatMap(({ from, to }): Edge[] => [
      { at: from, of, step: 1 },
      { at: to, of, step: -1 },
    ]);
}
