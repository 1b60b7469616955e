"""The page on which one talks to a served model: one HTML file that loads nothing from elsewhere.

page.html is its markup, web/page.css its style sheet, and web/*.js its script, in files with one idea each that share a
scope. The content security policy names the style sheet and the script by their hashes, so the browser runs no other.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
import re
from functools import cache

from pybpe.reports.style import DARK, LIGHT, MONOSPACE

# In this order, each file uses the ones before it when it is loaded.
SCRIPTS = (
    *("elements.js", "conversations.js", "store.js", "files.js", "server.js"),
    *("answers.js", "tokens.js", "messages.js", "app.js"),
)
# Four tokens: a PNG of 16 x 16 pixels.
ICON = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAYAAAAf8/9hAAAAM0lEQVR42mOQz+/+jwszQMGDBQb/cWGGUQMGgwEDD6IXhP7HhWFq"
    "toTo/MeFRw0YDAYAAFk+xwlLTDuFAAAAAElFTkSuQmCC"
)


def _read(name: str) -> str:
    """Return a file of this package with \\n as line ends, as browsers hash it. name: its path below this folder."""
    return importlib.resources.files("pybpe.gpt.serve").joinpath(*name.split("/")).read_text(encoding="utf-8")


def _fill(template: str, values: dict[str, str]) -> str:
    """Return a template with its {{names}} replaced. KeyError for a name without a value."""
    return re.sub(r"\{\{(\w+)\}\}", lambda match: values[match[1]], template)


def _hash(content: str) -> str:
    """Return the source expression by which a policy allows an element of this content."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


@cache
def _parts() -> tuple[str, str]:
    """Return (style sheet, script) as they stand in the page, with the line ends around them."""
    colours = {"light": " ".join(LIGHT.split()), "dark": " ".join(DARK.split()), "mono": MONOSPACE}
    return f"\n{_fill(_read('web/page.css'), colours)}\n", "\n" + "\n".join(_read(f"web/{name}") for name in SCRIPTS)


@cache
def policy() -> str:
    """Return the content security policy of the page, for its <meta> element and for the header of its response.

    The page may run its own script and style sheet, and send requests to the server that it came from. It can load
    nothing, submit no form, and turn no text into HTML (trusted-types 'none').
    """
    style, script = _parts()
    rules = {
        "default-src": "'none'",
        "script-src": _hash(script),
        "style-src": _hash(style),
        "img-src": "data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


@cache
def page() -> str:
    """Return the whole page as HTML."""
    style, script = _parts()
    return _fill(_read("page.html"), {"policy": policy(), "icon": ICON, "style": style, "script": script})
