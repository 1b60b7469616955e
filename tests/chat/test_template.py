"""Chat templates beside transformers: the same text, and errors where it has errors; and hostile ones."""

from __future__ import annotations

import dataclasses
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.chat_templates import CHATS, TEMPLATES, TOOL, USER
from support.huggingface_files import tokenizer_json, write_json
from support.strategies import text

from pybpe import ChatTemplateError, FormatError, Tokenizer
from pybpe.chat.template import ChatTemplate

pytest.importorskip("jinja2", reason="chat templates are Jinja")
transformers = pytest.importorskip("transformers", reason="the texts are compared with those of transformers")
from tokenizers import Tokenizer as RealTokenizer  # noqa: E402
from tokenizers.models import BPE  # noqa: E402
from transformers.utils.chat_template_utils import render_jinja_template  # noqa: E402

TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}
theirs = transformers.PreTrainedTokenizerFast(tokenizer_object=RealTokenizer(BPE()), **TOKENS)
# Python 3.10 gets an older one, which leaves its own marks in texts that go on, and takes some wrong messages.
as_theirs = pytest.mark.skipif(
    tuple(map(int, transformers.__version__.split(".")[:2])) < (5, 23),
    reason="transformers 5.23 changed what it writes",
)


def outcome(call):
    """The text, or that there is none."""
    try:
        return call()
    except Exception:
        return "an error"


def assert_same(template, chat, **options):
    ours = outcome(lambda: ChatTemplate(template, TOKENS).render(chat, **options))
    expected = outcome(lambda: theirs.apply_chat_template(chat, chat_template=template, tokenize=False, **options))
    assert ours == expected
    return ours


@as_theirs
@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("number", range(len(CHATS)))
@pytest.mark.parametrize(
    "options", [{}, {"tools": [TOOL]}, {"documents": [{"title": "T", "text": "t"}], "x": [1, None]}]
)
def test_the_text_is_that_of_transformers(name, number, options):
    for prompt in (False, True):
        assert_same(TEMPLATES[name], CHATS[number], add_generation_prompt=prompt, **options)


@as_theirs
@pytest.mark.parametrize("name", TEMPLATES)
def test_going_on_with_the_last_message(name):
    for chat in CHATS:
        assert_same(TEMPLATES[name], chat, continue_final_message=True)
    assert_same(TEMPLATES[name], CHATS[6][:2], continue_final_message="reasoning_content")


@pytest.mark.parametrize("name", ["turns", "macros", "tools"])
def test_spans_are_those_of_transformers(name):
    for chat in CHATS:
        chat = [{key: value for key, value in message.items() if value is not None} for message in chat]
        given = {"conversations": [chat], "chat_template": TEMPLATES[name], "return_assistant_tokens_mask": True}
        expected = outcome(lambda given=given: tuple(each[0] for each in render_jinja_template(**given, **TOKENS)))
        template = ChatTemplate(TEMPLATES[name], TOKENS)
        assert outcome(lambda chat=chat, template=template: template.render_with_spans(chat)) == expected


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)


@as_theirs
@given(
    chat=st.lists(st.fixed_dictionaries({"role": text, "content": json}, optional={"x": json}), min_size=1, max_size=4),
    template=st.sampled_from([*TEMPLATES.values(), "{{ messages | tojson }}{{ messages }}"]),
    variables=st.dictionaries(st.sampled_from(["x", "y", "eos_token"]), json, max_size=2),
)
def test_any_messages(chat, template, variables):
    assert_same(template, chat, **variables)


def test_several_templates():
    both = ChatTemplate(
        {"default": "plain", "tool_use": "with {{ tools | length }}", "other": "{{ bos_token }}"}, TOKENS
    )
    assert both.render([USER]) == "plain"
    assert both.render([USER], tools=[TOOL]) == "with 1"
    assert both.render([USER], template="other") == "<s>"
    with pytest.raises(ChatTemplateError, match=r"no template 'x'; pass template=, one of \['default', 'other', 'tool"):
        both.render([USER], template="x")


def test_reading(tmp_path):
    write_json(tmp_path / "tokenizer.json", tokenizer_json())
    config = {
        "eos_token": {"__type": "AddedToken", "content": "!"},
        "bos_token": None,
        "image_token": "<i>",
        "chat_template": "{{ eos_token }}",
    }
    path = write_json(tmp_path / "tokenizer_config.json", config)
    assert ChatTemplate.read(tmp_path).render([USER]) == "!"
    assert ChatTemplate.read(path).render([USER]) == "!"
    tok = Tokenizer.from_huggingface(tmp_path)
    assert tok.chat_template.render([USER]) == "!"
    tok.save(tmp_path / "saved.pybpe")
    assert Tokenizer.load(tmp_path / "saved.pybpe").chat_template.variables == {"eos_token": "!", "image_token": "<i>"}
    (tmp_path / "chat_template.jinja").write_text("{{ image_token }}", encoding="utf-8")
    (tmp_path / "additional_chat_templates").mkdir()
    (tmp_path / "additional_chat_templates" / "rag.jinja").write_text("rag{{ eos_token }}", encoding="utf-8")
    tok = Tokenizer.from_huggingface(tmp_path)
    assert tok.chat_template.render([USER]) == "<i>"
    assert tok.chat_template.render([USER], template="rag") == "rag!"
    assert ChatTemplate.read(tmp_path / "chat_template.jinja").templates == {"default": "{{ image_token }}"}
    face = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert face.apply_chat_template([USER], tokenize=False) == "<i>"
    tok.to_huggingface(tmp_path / "written")
    assert transformers.AutoTokenizer.from_pretrained(tmp_path / "written").chat_template == face.chat_template


def test_there_is_none(tmp_path, small):
    assert small.chat_template is None
    write_json(tmp_path / "tokenizer_config.json", {})
    with pytest.raises(FormatError, match="holds no chat template"):
        ChatTemplate.read(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"there is no .*nosuch"):
        ChatTemplate.read(tmp_path / "nosuch")


@pytest.mark.parametrize("strange", [5, [{"name": "default"}], [1], {"default": 1}, "x" * (1 << 21)])
def test_strange_ones(strange):
    with pytest.raises(FormatError, match="chat template"):
        ChatTemplate.from_config({"chat_template": strange})


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ("hello", TypeError),
        (USER, TypeError),
        ([], ValueError),
        ([1], TypeError),
        ([[USER]], TypeError),
        (None, TypeError),
    ],
)
def test_wrong_messages(wrong, error):
    with pytest.raises(error, match=r"message|NoneType"):
        ChatTemplate("x").render(wrong)


def test_wrong_options():
    template = ChatTemplate("{{ messages[0].content }}")
    with pytest.raises(TypeError, match="a tool must be a dict, its JSON schema, not function"):
        template.render([USER], tools=[lambda: 1])
    with pytest.raises(ValueError, match="cannot also begin a new one"):
        template.render([USER], add_generation_prompt=True, continue_final_message=True)
    with pytest.raises(ValueError, match="has no 'content' that could be continued"):
        template.render([{"role": "user"}], continue_final_message=True)
    deep: list = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(ValueError, match="nested more than 100 deep"):
        template.render([{"role": "user", "content": deep}])


def test_objects_are_kept_from_templates():
    @dataclasses.dataclass
    class Message:
        role: str
        content: object

    chat = [Message("user", open)]  # whatever could be called
    template = "{{ messages[0].role }}{{ messages[0].content }}"
    assert ChatTemplate(template).render(chat) == "user<builtin_function_or_method>"


HOSTILE = {
    "loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "lists": "{% set l = range(9999) | list %}{% for a in l %}{% for b in l %}{% for c in l %}"
    "{% endfor %}{% endfor %}{% endfor %}",
    "macros": "{% macro a(n) %}{% if n %}{{ a(n - 1) }}{{ a(n - 1) }}{% endif %}{% endmacro %}{{ a(60) }}",
    "deep macros": "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}",
    "recursive loop": "{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    "times": "{{ 'a' * 10000000000 }}",
    "times within": "{{ ('a' * 100000) | replace('a', 'b' * 100000) }}",
    "plus": "{% set n = namespace(s='a') %}{% for i in range(60) %}{% set n.s = n.s + n.s %}{% endfor %}",
    "tilde": "{% set n = namespace(s='a') %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
    "blocks": "{% set n = namespace(s='a') %}{% for i in range(60) %}{% set x %}{{ n.s }}{{ n.s }}{% endset %}"
    "{% set n.s = x %}{% endfor %}",
    "output": "{% set s = 'a' * 1000000 %}{% for i in range(99999) %}{{ s }}{% endfor %}",
    "join": "{{ range(99999) | list | join('a' * 60000000) }}",
    "method": "{{ ('a' * 1000000).join(messages[0].content * 1000) }}",
    "center": "{{ 'a' | center(10000000000) }}",
    "zfill": "{{ 'a'.zfill(10000000000) }}",
    "method of a list": "{{ ('a' * 1000000).join(range(99999) | map('string') | list) }}",
    "format": "{{ '%10000000000d' % 1 }}",
    "format filter": "{{ '%10000000000d' | format(1) }}",
    "format width": "{{ '{:{}}'.format(1, 10000000000) }}",
    "format method": "{{ '{:10000000000}'.format(1) }}",
    "power": "{{ 9 ** (9 ** 9) }}",
    "range": "{{ range(10000000000) | list }}",
    "lorem": "{{ lipsum(n=100000) }}",
    "dunder": "{{ ''.__class__ }}{{ namespace(__init__=1) }}",
    "globals": "{{ cycler.__init__.__globals__ }}",
    "dict": "{{ dict.__class__.mro() }}{{ dict.__subclasses__() }}",
    "include": "{% include '/etc/passwd' %}",
    "nesting": "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_ones_are_errors_soon(name, monkeypatch):
    monkeypatch.setattr("pybpe.chat.sandbox.MAX_STEPS", 100_000)
    start = time.monotonic()
    with pytest.raises(ChatTemplateError, match="the chat template"):
        ChatTemplate(HOSTILE[name]).render([USER] * 10)
    assert time.monotonic() - start < 20
