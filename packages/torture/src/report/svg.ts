/** The few shapes that a timeline is drawn with, for light and dark pages. */
export const WIDTH = 1200;

const style = `
  .background { fill: #ffffff } .title { fill: #1f2328 } .quiet { fill: #59636e } .grid { stroke: #d8dee4 } .wait { stroke: #8c959f } .lost { stroke: #cf222e; stroke-width: 2 }
  text { font: 12px ui-sans-serif, system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif } .title { font-size: 16px; font-weight: 600 }
  @media (prefers-color-scheme: dark) {
    .background { fill: #0d1117 } .title { fill: #e6edf3 } .quiet { fill: #9198a1 } .grid { stroke: #2a313a } .wait { stroke: #6e7681 }
  }`;

export function document(title: string, height: number, shapes: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `<title>${escape(title)}</title><style>${style}</style><rect class="background" width="100%" height="100%" rx="8"/>`,
    ...shapes,
    '</svg>\n',
  ].join('\n');
}

export function text(kind: 'title' | 'quiet', x: number, y: number, content: string, anchor = 'start'): string {
  return `<text class="${kind}" x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${escape(content)}</text>`;
}

export function bar(
  x: number,
  y: number,
  width: number,
  height: number,
  colour: string,
  tip: string,
  opacity = 1,
): string {
  return `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" fill="${colour}" opacity="${opacity}"><title>${escape(tip)}</title></rect>`;
}

export function line(kind: 'wait' | 'grid', x1: number, y1: number, x2: number, y2: number): string {
  return `<line class="${kind}" x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}"/>`;
}

/** A small cross. */
export function mark(x: number, y: number, tip: string): string {
  const [left, right, top, bottom] = [x - 4, x + 4, y - 4, y + 4].map(round);
  return `<path class="lost" d="M${left} ${top}L${right} ${bottom}M${left} ${bottom}L${right} ${top}"><title>${escape(tip)}</title></path>`;
}

export function round(number: number): number {
  return Math.round(number * 10) / 10;
}

export function escape(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
