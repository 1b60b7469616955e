"""The style sheet and HTML of generated text, for the reports on a GPT."""

from __future__ import annotations

from html import escape

STYLE = """
.pair {
  display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 0 32px;
  padding: 18px 0 26px; border-top: 1px solid var(--rule);
}
.pair h3 { grid-column: 1 / -1; margin: 0; color: var(--ink); font-size: 16px; }
.alone { padding: 14px 0 20px; border-top: 1px solid var(--rule); }
.pair .label { margin: 8px 0 0; font-size: 13px; color: var(--soft); }
.sample {
  font: 13px/1.6 var(--mono);
  white-space: pre-wrap; overflow-wrap: anywhere; margin: 4px 0 0;
}
.sample.before { color: var(--soft); }
.sample code { display: block; font: inherit; margin: 4px 0; padding: 2px 8px; border-left: 3px solid var(--rule); }
@media (max-width: 640px) {
  .pair { grid-template-columns: minmax(0, 1fr); }
}
"""


def shown(text: str) -> str:
    """Return generated text as HTML, without white space at its ends and without control characters."""
    return escape("".join(char for char in text.strip() if char.isprintable() or char in "\n\t"))
