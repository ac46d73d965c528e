"""The look of the report page: light and dark, wide and narrow, without a script."""

CSS = """
:root { --ink: #1c2126; --soft: #59636b; --line: #d9dfe3; --page: #fff; --track: #f1f4f6;
  --base: #cfd6db; --edge: #66727b; --above: #0a6c4a; --below: #b3261e; --level: #59636b;
  --warn: #fff1cc; color-scheme: light dark }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8eb; --soft: #a0abb3; --line: #39424a;
  --page: #15191d; --track: #20262b; --base: #46515a; --edge: #a9b5bd; --above: #4fd1a0;
  --below: #ff8a80; --level: #a0abb3; --warn: #4a3b10 } }
* { box-sizing: border-box }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page);
  max-width: 1040px; margin: 0 auto; padding: 1.5rem 1rem 3rem }
h1 { margin: 0 0 .3rem } h2 { margin: 2.2rem 0 .4rem }
.quiet { color: var(--soft) } .warn { background: var(--warn); padding: .1rem .4rem }
.wide { overflow-x: auto }
table { border-collapse: collapse; margin: .5rem 0; font-variant-numeric: tabular-nums }
th, td { padding: .25rem .7rem .25rem 0; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top }
td.n, th.n { text-align: right } td.n, td.short { white-space: nowrap }
.wide { font-size: .9rem }
.above { color: var(--above) } .below { color: var(--below) } .level, .few { color: var(--level) }
b.above, b.below { font-weight: 650 }
summary { cursor: pointer; font-weight: 600; margin-top: .7rem }
h3 { font-size: 1rem; margin: 1.1rem 0 .1rem; padding-top: .7rem;
  border-top: 1px solid var(--line) }
.cell { margin: .3rem 0 .75rem } .cell > p { margin: 0 }
.row { display: grid; grid-template-columns: 12.5rem 1fr 11.5rem; gap: .8rem; align-items: center;
  min-height: 1.55rem }
.row > span { overflow-wrap: anywhere; line-height: 1.25 }
.track { position: relative; height: 1.15rem; background: var(--track) }
.base { position: absolute; inset: 0 auto 0 0; background: var(--base);
  border-right: 2px solid var(--edge) }
.span { position: absolute; top: calc(50% - 1px); height: 2px; background: currentColor }
.dot { position: absolute; top: calc(50% - .36rem); width: .72rem; height: .72rem;
  margin-left: -.36rem; border: 2px solid currentColor; border-radius: 50%;
  background: var(--page) }
.above .dot { background: currentColor }
.scale { position: relative; height: 1.2rem; font-size: .8rem }
.scale span { position: absolute; transform: translateX(-50%) }
@media (max-width: 640px) { body { padding: 1rem .8rem 2rem }
  .row { grid-template-columns: 1fr auto; gap: .1rem .6rem; margin-bottom: .45rem }
  .row .track { grid-row: 2; grid-column: 1 / -1 } .row.axis { display: none } }
"""
