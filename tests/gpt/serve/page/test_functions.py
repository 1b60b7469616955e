"""Properties of the page's functions, which run in the browser without the page: streams, files, merging, tokens."""

from __future__ import annotations

import codecs
import importlib.resources
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pybpe.gpt.conversation import parse_conversation
from pybpe.gpt.serve.page import SCRIPTS

pytestmark = pytest.mark.browser

APP = "app.js"  # the last script, which needs the page; the others define functions
some = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)

EVENTS = """async ([pieces]) => {
  const body = new ReadableStream({ start(controller) {
    for (const piece of pieces) controller.enqueue(Uint8Array.from(piece));
    controller.close();
  } });
  const found = [];
  for await (const data of eventsOf({ body })) found.push(data);
  return found;
}"""
BUILD = """const build = (conversation, steps) => {
  for (const [place, text] of steps) {
    const nodes = [...conversation.nodes.values()];
    const parent = nodes[place % (nodes.length + 1)];
    const role = !parent || parent.role === "assistant" ? "user" : "assistant";
    addNode(conversation, parent?.id ?? ROOT, role, [{ type: "text", text }]);
  }
  return conversation;
};
const outline = (conversation) => {
  const family = familyOf(conversation);
  const below = (parent) => (family.get(parent) ?? []).map((node) => [node.role, plainText(node), below(node.id)]);
  return [conversation.system, below(ROOT), shownPath(conversation).map(({ node }) => plainText(node))];
};"""
FILES = """([system, steps]) => {
  const conversation = build(newConversation(system), steps);
  const again = parseFile(toJson([conversation]));
  return [outline(conversation), again.map(outline), toJsonl([conversation])];
}"""
MERGE = """([common, left, right]) => {
  const base = build(newConversation(), common);
  const copy = () => ({ ...base, nodes: new Map([...base.nodes].map(([id, node]) => [id, { ...node }])) });
  const [one, other] = [build(copy(), left), build(copy(), right)];
  const before = [one, other].flatMap(({ nodes }) => [...nodes.keys()]);
  const [there, back] = [{ ...one, nodes: new Map(one.nodes) }, { ...other, nodes: new Map(other.nodes) }];
  mergeInto(there, other);
  mergeInto(back, one);
  mergeInto(there, other); // twice is as good as once
  const tree = (conversation) => outline(conversation)[1];
  return [tree(there), tree(back), there.nodes.size, new Set(before).size];
}"""
TOKENS = """([pieces, types]) => {
  const tokens = [];
  pieces.forEach((bytes, i) => {
    const alternative = { token: "?", bytes };
    tokens.push({ ids: [i], text: textAfter(tokens, types[i], alternative), type: types[i], special: null, bytes });
  });
  return tokens.map((token) => token.text);
}"""


@pytest.fixture(scope="module")
def evaluate(browser):
    page = browser.new_page()
    folder = importlib.resources.files("pybpe.gpt.serve") / "web"
    sources = [(folder / name).read_text(encoding="utf-8") for name in SCRIPTS if name != APP]
    page.add_script_tag(content="\n".join([*sources, BUILD]))
    yield page.evaluate
    page.close()


def cut(content: bytes, places: list[int]) -> list[list[int]]:
    """Return the bytes in pieces that end at some of the places."""
    ends = sorted({place % (len(content) + 1) for place in places} | {len(content)})
    return [[*content[begin:end]] for begin, end in zip([0, *ends], ends, strict=False)]


@some
@given(
    events=st.lists(texts), ends=st.lists(st.sampled_from(["\n", "\r\n"]), min_size=1), places=st.lists(st.integers(0))
)
def test_events_are_read_however_their_bytes_are_cut(evaluate, events, ends, places):
    lines = [json.dumps(event, ensure_ascii=False) for event in events]
    content = "".join(
        f"data: {line}{end}: comment{end}{end}" for line, end in zip(lines, ends * len(lines), strict=False)
    )
    assert evaluate(EVENTS, [cut(content.encode(), places)]) == lines


steps = st.lists(st.tuples(st.integers(0, 100), texts), min_size=1, max_size=12)


@some
@given(system=texts, steps=steps)
def test_trees_survive_files(evaluate, system, steps):
    before, after, lines = evaluate(FILES, [system, steps])
    assert after == [before]
    for line in filter(None, lines.split("\n")):
        parse_conversation(json.loads(line))


@some
@given(common=steps, left=steps, right=steps)
def test_tabs_that_are_merged_have_the_same_messages(evaluate, common, left, right):
    there, back, size, expected = evaluate(MERGE, [common, left, right])
    assert there == back
    assert size == expected


@some
@given(text=texts, places=st.lists(st.integers(0, 100)), data=st.data())
def test_tokens_of_any_bytes_have_the_text_of_whole_characters(evaluate, text, places, data):
    pieces = cut(text.encode(), places)
    types = data.draw(st.lists(st.sampled_from(["text", "python"]), min_size=len(pieces), max_size=len(pieces)))
    expected, last = [], ""
    for piece, type_ in zip(pieces, types, strict=True):
        if type_ != last:  # a part begins, and nothing of a character is left from the one before
            decoder, last = codecs.getincrementaldecoder("utf-8")("replace"), type_
        expected.append(decoder.decode(bytes(piece)))
    assert evaluate(TOKENS, [pieces, types]) == expected
