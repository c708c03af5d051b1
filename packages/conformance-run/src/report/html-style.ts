/** For light and dark pages; no font, script or picture from elsewhere. */
export const style = `
:root { color-scheme: light dark; --page: #fff; --ink: #1f2328; --quiet: #59636e; --line: #d8dee4; --raised: #f6f8fa;
  --good: #1a7f37; --good-back: #dafbe1; --bad: #b3141f; --bad-back: #ffdce0; --note: #7d5600; --note-back: #fff3c4 }
@media (prefers-color-scheme: dark) { :root { --page: #0d1117; --ink: #e6edf3; --quiet: #9198a1; --line: #2a313a; --raised: #161b22;
  --good: #3fb950; --good-back: #12311c; --bad: #ff7b72; --bad-back: #4a1519; --note: #e3b341; --note-back: #3a2d0b } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 96rem; padding: 2rem 1.5rem 4rem; background: var(--page); color: var(--ink);
  font: 15px/1.5 ui-sans-serif, system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif }
h1 { font-size: 1.6rem; margin: 0 } h2 { font-size: 1.15rem; margin: 2.5rem 0 .75rem } h3 { font-size: 1rem; margin: 1.5rem 0 .5rem }
p { margin: .25rem 0 } .quiet { color: var(--quiet) } code { font: .85em ui-monospace, 'DejaVu Sans Mono', monospace }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px }
table { border-collapse: separate; border-spacing: 0; width: 100% }
th, td { padding: .35rem .7rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line) }
tbody:last-child tr:last-child > * { border-bottom: 0 }
thead th { background: var(--raised); font-weight: 600; white-space: nowrap }
td.number { font-variant-numeric: tabular-nums; white-space: nowrap }
.badge { display: inline-block; padding: 0 .5rem; border-radius: 1rem; font-size: .85rem; white-space: nowrap }
.good { background: var(--good-back); color: var(--good) } .bad { background: var(--bad-back); color: var(--bad) }
.note { background: var(--note-back); color: var(--note) }
.matrix { max-height: 85vh; overflow: auto }
.matrix thead th { position: sticky; top: 0; z-index: 2; text-align: center }
.matrix thead th:first-child { left: 0; z-index: 3; text-align: left }
.matrix th[scope=row] { position: sticky; left: 0; z-index: 1; background: var(--page); font-weight: 400; min-width: 22rem }
.matrix tr.section > * { background: var(--raised); font-weight: 600 } .matrix tr.section th[scope=row] { background: var(--raised) }
.matrix td { text-align: center; white-space: nowrap }
.matrix td a { color: inherit; font-weight: 700 }
td.passed { color: var(--good) } td.failed { background: var(--bad-back); color: var(--bad) } td.refused { color: var(--note) }
td.left-out, td.not-run { color: var(--quiet) }
pre { margin: 0; padding: .75rem 1rem; overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; background: var(--raised);
  border: 1px solid var(--line); border-left: 3px solid var(--bad); border-radius: 6px; font: 13px/1.5 ui-monospace, 'DejaVu Sans Mono', monospace }
:target { outline: 2px solid var(--bad); outline-offset: 4px; border-radius: 4px }
`;
