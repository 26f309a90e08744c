import { Markup } from './markup.js';

/** The style sheet of the page: readable in light and dark, on a wide screen and on paper. */
export const PAGE_STYLE = new Markup(`
:root {
  --ground: #fbfbf9; --panel: #fff; --text: #1d1f21; --faint: #6a6f76; --line: #dedfe2;
  --accent: #1f5f8b; --number: #9a9fa6;
  --added: #e2f5e5; --added-text: #14602a; --removed: #fdeaea; --removed-text: #96222b;
  --changed: #fdf5da; --note: #edf2f8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #15171a; --panel: #1c1f23; --text: #dfe2e6; --faint: #98a0a9; --line: #32373d;
    --accent: #7fb8e6; --number: #6d747d;
    --added: #17311f; --added-text: #8fd6a2; --removed: #3a1d20; --removed-text: #f0a2a8;
    --changed: #3a3318; --note: #29313b;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 84rem; padding: 1.5rem 2rem 4rem; background: var(--ground);
  color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
code, pre, .row { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: 13px; }
h1 { font-size: 1.7rem; font-weight: 400; margin: 0; }
h2 { font-size: 1.3rem; margin: 2.5rem 0 .6rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line); }
h2 code { font-size: 1.1rem; }
h3 { font-size: 1rem; margin: 1.6rem 0 .5rem; }
p { margin: .4rem 0; max-width: 60rem; overflow-wrap: anywhere; }
.description { font-size: 1.1rem; white-space: pre-line; }
.legend { color: var(--faint); font-size: .9rem; }
.facts { display: flex; flex-wrap: wrap; gap: .8rem; list-style: none; margin: 1rem 0 0; padding: 0; }
.facts li { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: .5rem 1rem; color: var(--faint); }
.facts b { display: block; font-size: 1.4rem; font-weight: 600; color: var(--text); }
table { border-collapse: collapse; background: var(--panel); border: 1px solid var(--line); border-radius: 8px; }
th, td { text-align: left; vertical-align: top; padding: .25rem .9rem; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
thead th { border-top: 0; font-size: .85rem; font-weight: 600; color: var(--faint); }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.check, small { background: var(--note); color: var(--faint); border-radius: 4px; padding: 0 .4em; font-size: 11.5px; font-family: system-ui, sans-serif; white-space: nowrap; }
.patch { margin: 0; padding: .7rem 0; background: var(--panel); border: 1px solid var(--line); border-radius: 8px; overflow-x: auto; tab-size: 8; }
.patch span { display: block; padding: 0 1rem; min-width: max-content; }
.patch .file { font-weight: 600; }
.patch .hunk { color: var(--accent); }
.patch .added { background: var(--added); color: var(--added-text); }
.patch .removed { background: var(--removed); color: var(--removed-text); }
.part { margin: .5rem 0; background: var(--panel); border: 1px solid var(--line); border-radius: 8px; overflow: hidden; }
.part > summary { cursor: pointer; padding: .5rem 1rem; }
.part > summary:hover, .equal > summary:hover { background: var(--note); }
.remark { padding: 0 1rem; }
.name { font-weight: 600; font-size: 14px; overflow-wrap: anywhere; }
.fate { border: 1px solid var(--line); border-radius: 1em; padding: 0 .6em; margin: 0 .6em; font-size: 12px; color: var(--faint); white-space: nowrap; }
.fate.function { border-color: var(--accent); color: var(--accent); }
.size { color: var(--faint); font-size: 13px; white-space: nowrap; }
.code { border-top: 1px solid var(--line); padding: .3rem 0; }
.row { display: grid; grid-template-columns: 4.5rem minmax(0, 1fr) 4.5rem minmax(0, 1fr); line-height: 1.45; }
.single .row { grid-template-columns: 4.5rem minmax(0, 1fr); }
.row > span { color: var(--number); text-align: right; padding-right: 1rem; user-select: none; }
.row > code { padding-right: 1rem; white-space: pre-wrap; overflow-wrap: anywhere; }
.row > span:nth-child(3) { border-left: 1px solid var(--line); }
.row i { font-style: normal; color: var(--accent); }
.heads { color: var(--faint); font-family: system-ui, sans-serif; }
.changed > * { background: var(--changed); }
.removed > :nth-child(-n+2) { background: var(--removed); }
.added > :nth-child(n+3) { background: var(--added); }
.equal > summary { cursor: pointer; padding: .1rem 1rem; color: var(--faint); font-size: 12.5px; background: var(--ground); border-block: 1px solid var(--line); }
@media (max-width: 50rem) { body { padding: 1rem; } .row { grid-template-columns: 3rem minmax(0, 1fr) 3rem minmax(0, 1fr); } .row > span { padding-right: .5rem; } }
@media print { body { max-width: none; } .part { break-inside: auto; } }
`);
