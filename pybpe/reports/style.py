"""The style sheet of all reports, for light and dark, without external resources."""

MONOSPACE = 'ui-monospace, "SF Mono", "Cascadia Mono", Menlo, "DejaVu Sans Mono", monospace'

# The colours of all pages, as custom properties.
LIGHT = """
    --paper: #fbfaf7; --ink: #1d1f24; --soft: #676b76; --rule: #e2dfd7; --panel: #f3f1eb;
    --train: #b9b4a6; --held: #1f6f8b; --beat: #b4542c;
    --t0: #d3e7f2; --t1: #fbe5b8; --t2: #d5ecd0; --t3: #f6d6d6; --sign: #9a9485;
"""
DARK = """
    --paper: #15171b; --ink: #e6e4de; --soft: #969aa5; --rule: #2d3038; --panel: #1c1f25;
    --train: #5b5f6b; --held: #6cc3de; --beat: #e58a5d;
    --t0: #1e3f52; --t1: #4d3d14; --t2: #234527; --t3: #512c2f; --sign: #8b8f99;
"""

STYLE = f"""
:root {{
    color-scheme: light dark;
    --mono: {MONOSPACE};{LIGHT}}}
@media (prefers-color-scheme: dark) {{
  :root {{{DARK}  }}
}}
"""
STYLE += """
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif;
  font-variant-numeric: tabular-nums;
}
main { max-width: 808px; margin: 0 auto; padding: 64px 24px 96px; }
header p { margin: 0; }
.kicker { color: var(--soft); font-size: 13px; letter-spacing: .08em; text-transform: uppercase; }
h1, h2, h3, p, dd, dt, footer { overflow-wrap: anywhere; }
h1 { margin: 4px 0 12px; font-size: 40px; line-height: 1.15; font-weight: 650; letter-spacing: -.02em; }
h2 { margin: 72px 0 8px; font-size: 23px; line-height: 1.3; font-weight: 620; letter-spacing: -.01em; }
h3 { margin: 32px 0 10px; font-size: 14px; font-weight: 600; color: var(--soft); }
p { margin: 0 0 16px; max-width: 66ch; }
.lead { font-size: 19px; line-height: 1.5; color: var(--soft); }
.notice { margin-top: 20px; padding: 10px 16px; border-left: 3px solid var(--beat); background: var(--panel); }
.facts { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 24px; margin: 40px 0 0; padding: 0; }
.facts div { border-top: 2px solid var(--ink); padding-top: 10px; }
.facts dt { font-size: 13px; color: var(--soft); line-height: 1.35; }
.facts dd { margin: 0 0 2px; font-size: 28px; line-height: 1.2; font-weight: 600; letter-spacing: -.01em; }
.chart { display: block; width: 100%; height: auto; margin: 20px 0 4px; overflow: visible; }
.chart text { font-size: 12px; fill: var(--soft); }
.chart .grid { stroke: var(--rule); }
.chart polyline { fill: none; stroke-linejoin: round; stroke-linecap: round; }
.chart .train { stroke: var(--train); stroke-width: 1.6; }
.chart polyline.held { stroke: var(--held); stroke-width: 2.2; }
.chart circle.held { fill: var(--paper); stroke: var(--held); stroke-width: 2; }
.chart line.beat { stroke: var(--beat); stroke-width: 1.5; stroke-dasharray: 6 5; }
.chart text.beat { fill: var(--beat); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 24px; font-size: 14px; color: var(--soft); }
.legend b { display: inline-block; width: 22px; margin-right: 8px; vertical-align: middle; border-top: 2.5px solid; }
.legend .train { border-color: var(--train); }
.legend .held { border-color: var(--held); }
.legend .beat { border-top-style: dashed; border-color: var(--beat); }
.tokens, pre {
  font: 14px/1.75 var(--mono);
  white-space: pre-wrap; overflow-wrap: anywhere; margin: 12px 0 0;
}
.tokens { background: var(--panel); padding: 20px 24px; border-radius: 6px; }
.t0, .t1, .t2, .t3 { padding: 2px 0; border-radius: 3px; }
.t0 { background: var(--t0); } .t1 { background: var(--t1); }
.t2 { background: var(--t2); } .t3 { background: var(--t3); }
.tokens i, .chips i { font-style: normal; color: var(--sign); }
.wide { overflow-x: auto; margin-top: 12px; }
table { border-collapse: collapse; width: 100%; font-size: 15px; }
th, td { padding: 8px 0; border-bottom: 1px solid var(--rule); text-align: left; font-weight: 400; }
thead th { font-size: 13px; color: var(--soft); }
td + td, th + th { text-align: right; padding-left: 16px; }
.chips { display: flex; flex-wrap: wrap; gap: 8px; margin: 0; padding: 0; list-style: none; }
.chips li {
  font: 13px/1.5 var(--mono);
  background: var(--panel); border: 1px solid var(--rule); border-radius: 4px; padding: 2px 8px; white-space: pre;
  max-width: 100%; overflow: hidden; text-overflow: ellipsis;
}
.chips small { color: var(--soft); font-size: 12px; margin-left: 8px; }
pre { background: var(--panel); padding: 16px 20px; border-radius: 6px; font-size: 13px; line-height: 1.65; }
footer { margin-top: 72px; padding-top: 16px; border-top: 1px solid var(--rule); font-size: 13px; color: var(--soft); }
@media (max-width: 640px) {
  main { padding: 40px 18px 64px; }
  h1 { font-size: 31px; }
  .facts { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .facts dd { font-size: 23px; }
  .tokens, pre { padding: 14px 16px; }
  .chart text { font-size: 19px; }
}
"""
