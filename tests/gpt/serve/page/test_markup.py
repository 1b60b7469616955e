"""The page without a browser: what it may load, and that its parts fit together.

`pytest -m browser` runs it in a browser (the other files here).
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from html.parser import HTMLParser

import pytest

from pybpe.gpt.serve.page import SCRIPTS, page, policy
from pybpe.reports.style import DARK, LIGHT, STYLE

VOID = {"meta", "link", "input", "br", "img"}
LINES, BYTES = 1500, 100_000  # the most that the page may have


class Markup(HTMLParser):
    """The elements of the page as (tag, attributes), and the content of <style> and <script>."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.contents: dict[str, str] = {}
        self.names: dict[int, str] = {}  # place of an element -> the text in it
        self._open: list[tuple[str, int]] = []
        self.feed(page())
        self.close()
        assert not self._open, f"not closed: {self._open}"

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append((tag, len(self.elements) - 1))

    def handle_endtag(self, tag):
        assert self._open, f"</{tag}> closes nothing"
        opened, _ = self._open.pop()
        assert opened == tag, f"</{tag}> closes <{opened}>"

    def handle_data(self, data):
        for tag, place in self._open:
            self.names[place] = self.names.get(place, "") + data
            if tag in ("style", "script"):
                self.contents[tag] = self.contents.get(tag, "") + data


@pytest.fixture(scope="module")
def markup() -> Markup:
    return Markup()


@pytest.fixture(scope="module")
def script(markup) -> str:
    return markup.contents["script"]


def directives() -> dict[str, str]:
    return dict(part.strip().split(" ", 1) for part in policy().split(";"))


def test_the_policy_allows_this_script_and_this_style_sheet_only(markup):
    for tag in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(markup.contents[tag].encode()).digest()).decode()
        assert directives()[f"{tag}-src"] == f"'sha256-{digest}'"
        assert [name for name, _ in markup.elements].count(tag) == 1
    assert directives()["default-src"] == "'none'"
    assert directives()["connect-src"] == "'self'"
    assert directives()["trusted-types"] == "'none'"
    assert "unsafe" not in policy()


def test_the_policy_stands_before_what_it_governs(markup):
    place = next(i for i, (_, values) in enumerate(markup.elements) if values.get("content") == policy())
    assert markup.elements[place][1]["http-equiv"] == "Content-Security-Policy"
    governed = [i for i, (tag, _) in enumerate(markup.elements) if tag in ("script", "style", "link")]
    assert place < min(governed)


def test_nothing_comes_from_elsewhere(markup, script):
    for tag, values in markup.elements:
        for name in ("src", "href", "action", "data", "poster", "srcset", "formaction"):
            assert values.get(name, "data:").startswith(("data:", "#")), (tag, values)
    style = markup.contents["style"]
    assert not re.search(r"url\(|@import|@font-face", style)
    assert "//" not in re.sub(r"^\s*//.*$|[;{}] // .*$", "", script, flags=re.MULTILINE)  # but in comments
    assert "://" not in page()
    assert not re.search(
        r"^import\b|\bimport\(|WebSocket|EventSource|sendBeacon|XMLHttpRequest|Worker", script, re.MULTILINE
    )
    assert re.findall(r"fetch\((\w+)", script) == ["path"]
    assert sorted(set(re.findall(r"send\((\S)(.)", script))) == [('"', "/"), ("`", "/"), ("p", "a")]


def test_no_text_becomes_html_or_code(script):
    sinks = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|srcdoc|setHTML"
    code = r"\beval\b|\bFunction\(|javascript:|set(Timeout|Interval)\(\s*[\"'`]"
    assert not re.search(f"{sinks}|{code}", script)
    inline = [values for _, values in Markup().elements for name in values if name.startswith("on") or name == "style"]
    assert inline == []


def test_the_page_is_small():
    assert len(page().encode()) < BYTES
    assert page().count("\n") < LINES


def test_ids_are_unique_and_those_that_are_used_exist(markup, script):
    ids = Counter(values["id"] for _, values in markup.elements if "id" in values)
    assert [name for name, number in ids.items() if number > 1] == []
    made = set(re.findall(r'\bid: "([\w-]+)"', script))
    used = set(re.findall(r'\$\("([\w-]+)"\)', script)) - {"name"}
    parameters = re.search(r"PARAMETERS = \[(.*)\]", script)[1]
    used |= set(re.findall(r'"(\w+)"', parameters))
    used |= {f"{verb}-{drawer}" for verb in ("open", "close") for drawer in ("sidebar", "settings")}
    for _, values in markup.elements:
        for name in ("for", "aria-controls", "aria-describedby", "aria-labelledby"):
            used |= set((values.get(name) or "").split())
    assert used - made <= ids.keys()
    assert len(used) > 30


def test_everything_that_can_be_used_has_a_name(markup):
    labelled = {values["for"] for tag, values in markup.elements if tag == "label"}
    unnamed = {"theme"}  # named by the script, which knows the theme
    for place, (tag, values) in enumerate(markup.elements):
        if tag in ("button", "input", "select", "textarea") and values.get("id") not in unnamed:
            name = markup.names.get(place, "").strip() if tag == "button" else ""
            signs = not re.search(r"\w", name)  # a sign alone is no name
            assert values.get("aria-label") or values.get("id") in labelled or not signs, values


def test_templates_are_filled():
    assert "{{" not in page()
    assert len(SCRIPTS) == len(set(SCRIPTS))


def test_the_colours_are_those_of_the_reports(markup):
    for colours in (LIGHT, DARK):
        assert " ".join(colours.split()) in markup.contents["style"]
        assert colours.strip() in STYLE


def luminance(colour: str) -> float:
    """Return the relative luminance of #rrggbb, as WCAG 2 defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("text", "ground"),
    [("ink", "paper"), ("ink", "panel"), ("soft", "paper"), ("soft", "panel"), ("paper", "held"), ("paper", "ink")]
    + [("ink", f"t{number}") for number in range(4)],
)
def test_text_can_be_read_on_its_ground(colours, text, ground):
    values = dict(re.findall(r"--(\w+): (#\w{6})", colours))
    light, dark = sorted((luminance(values[text]), luminance(values[ground])), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5  # WCAG 2, level AA
