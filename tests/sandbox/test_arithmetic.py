"""The backend none computes what Python computes, within its limits, and executes nothing."""

from __future__ import annotations

import operator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pybpe.sandbox import open_sandbox
from pybpe.sandbox.arithmetic import MAX_BYTES, MAX_DIGITS, MAX_SOURCE

OPERATORS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": operator.floordiv,
    "%": operator.mod,
}
tool = open_sandbox("none")
texts = st.text(max_size=20)
expressions = st.recursive(
    st.integers(-(10**20), 10**20).map(str),
    lambda inner: (
        st.tuples(inner, st.sampled_from(sorted(OPERATORS)), inner).map(lambda parts: f"({' '.join(parts)})")
        | inner.map(lambda part: f"-{part}")
    ),
    max_leaves=20,
)


@given(expressions)
def test_integers_as_in_python(code):
    try:
        expected = (str(eval(code)), None, True)
    except ZeroDivisionError as error:
        expected = ("", f"ZeroDivisionError: {error}", False)
    result = tool.run(code)
    assert (result.stdout, result.error, result.success) == expected


@settings(max_examples=30)
@given(texts, texts, texts, st.integers(-3, 60))
def test_strings_as_in_python(text, old, new, width):
    for call in (
        f"{text!r}.count({old!r})",
        f"{text!r}.replace({old!r}, {new!r})",
        f"{text!r}.upper() + {new!r}.casefold().title()",
        f"{text!r}.center({width}, '-').strip('-')",
        f"{text!r}.zfill({width})",
        f"{text!r}.find({old!r}) * {width}",
        f"{text!r} * {width}",
        f"{width} * {text!r}",
        f"{old!r}.join({text!r})",
        f"{text!r}.startswith({old!r})",
        f"len({text!r}) + len({old!r})",
        f"str({width}).isdigit()",
        f"int('{width}') - 1",
        f"print({text!r}, {width})",
    ):
        result = tool.run(call)
        expected = f"{text} {width}" if call.startswith("print") else str(eval(call))
        assert (result.stdout, result.error) == (expected.encode("utf-8", "replace").decode(), None), call


@given(st.text(max_size=200) | st.text(alphabet="()[]{}-+*/%'\"fx.=:,1 \n\\#", max_size=200))
def test_any_text_gives_a_result(code):
    result = tool.run(code)
    assert result.success == (result.error is None)
    assert len(result.stdout.encode()) <= 4096


def test_names_and_statements():
    assert tool.run("word = 'strawberry'\nn = word.count('r')\nprint(word, n)\nn * 2").stdout == "strawberry 3\n6"
    assert tool.run("").success
    assert tool.run("x = 1").stdout == ""


@pytest.mark.parametrize(
    "code",
    [
        "import os",
        "open('a')",
        "__import__('os')",
        "''.__class__",
        "''.format(1)",
        "'%s' % 1",
        "(1).bit_length()",
        "[1]",
        "1 / 2",
        "2 ** 2",
        "1.5",
        "1 if 1 else 2",
        "lambda: 1",
        "[x for x in 'a']",
        "f'{1}'",
        "'a'[0]",
        "1 < 2",
        "while 1: pass",
        "def f(): pass",
        "print = 1\nprint(1)(2)",
        "x",
        "a.b = 1",
        "'a'.center(9, fillchar='x')",
        "1 or 2",
        "b'x'",
        "...",
        "None",
        "1 & 2",
        "~1",
        "(x := 1)",
        "'a'.encode()",
        "'a'.split()",
        "'a'.translate('b')",
        "'\\t'.expandtabs(99)",
        "-'a'",
        "'a' + 1",
        "'a' * 'b'",
        "'a' - 'a'",
        "len(1)",
        "len('a', 'b')",
        "print(print(1))",
    ],
)
def test_everything_else_is_an_error(code):
    result = tool.run(code)
    assert not result.success
    assert result.error
    assert result.stdout in ("", "1")


@pytest.mark.parametrize(
    ("code", "limit"),
    [
        ("'a' * 10**9", "the expression BinOp"),
        ("'a' * 1000000000", "4,096 bytes"),
        ("1000000000 * 'é'", "4,096 bytes"),
        ("'a'.center(1000000000)", "4,096 bytes"),
        ("'a'.zfill(1000000000)", "4,096 bytes"),
        ("x = 'a' * 4096\nx.replace('a', x)", "4,096 bytes"),
        ("x = 'a' * 4096\nx.replace('', x)", "4,096 bytes"),
        ("x = 'a' * 4096\nx.join(x)", "4,096 bytes"),
        ("x = 'a' * 4096\nx + x", "4,096 bytes"),
        ("x = 'ß' * 2048\nx.upper() + 'a'", "4,096 bytes"),
        ("x = 7" + "\nx = x * x" * 60, "4,000 digits"),
        ("9" * 4001, "4,000 digits"),
        ("-" * 200 + "1", "100 deep"),
        ("+".join(["1"] * 200), "100 deep"),
        ("1\n" * 3000, "4,096 bytes"),
        ("x = 1\n" + "x;" * 2000, "1,000 steps"),
    ],
)
def test_limits(code, limit):
    assert limit in tool.run(code).error


def test_limits_can_be_reached():
    assert tool.run(f"'a' * {MAX_BYTES}").stdout == "a" * MAX_BYTES
    assert tool.run("9" * (MAX_DIGITS - 1)).stdout == "9" * (MAX_DIGITS - 1)
    assert tool.run(f"'{'a' * (MAX_SOURCE - 2)}'").stdout == "a" * (MAX_SOURCE - 2)
