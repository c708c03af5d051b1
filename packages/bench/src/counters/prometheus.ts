/** All series of a metric, in the text format that Prometheus reads. */
export async function sumOf(url: string, metric: string): Promise<number> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`The metrics were answered with ${answer.status}`);
  return total(await answer.text(), metric);
}

export function total(text: string, metric: string): number {
  const values = text.split('\n').flatMap((line) => {
    const [, name, value] = /^([^\s{#]+)(?:\{.*\})? (\S+)/.exec(line) ?? [];
    return name === metric ? [Number(value)] : [];
  });
  return values.reduce((sum, value) => sum + value, 0);
}
