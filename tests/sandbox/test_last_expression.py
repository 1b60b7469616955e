"""Code that is changed to print its last expression prints the same before it, and the value after."""

from __future__ import annotations

import contextlib
import io
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybpe.sandbox.last_expression import parse, printing_last

statements = st.sampled_from(
    [
        "x = 'ä'",
        "print('é', 1)",
        "for i in range(3):\n    print(i)",
        "def f(a):\n    return a",
        "if True: x = 5",
        "'''a\nb'''",
        "# a comment, 中文",
        "",
        "pass",
    ]
)
expressions = st.sampled_from(
    [
        ("1 + 1", "2\n"),
        ("'strawberry'.count('r')", "3\n"),
        ("(1 +\n 2)", "3\n"),
        ("None", ""),
        ("print('ü')", "ü\n"),
        ("[x for x in (\n1,\n2)]", "[1, 2]\n"),
        ("1,", "(1,)\n"),
        ("*'ab', 'ö'", "('a', 'b', 'ö')\n"),
        ("'''a\nb''' 'c'", "a\nbc\n"),
        ("lambda: 1 if 0 else 2 and None", None),
        ("(y := 5)", "5\n"),
        ("f'{1:>3}'", "  1\n"),
        ("'a\\\nb'", "ab\n"),
    ]
)
ends = st.sampled_from(["", "\n", "  # done", "\n\n# ende ß", ";", " ;\n", "\n   \n"])


def output(code: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(code, {})
    return out.getvalue()


@given(
    st.lists(statements, max_size=4),
    expressions,
    ends,
    st.sampled_from(["\n", "; "]),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_the_last_expression_is_printed(before, expression, end, joint, line_end):
    code, expected = expression
    if joint == "; ":
        before = ["x = 'ä'"]  # no statement with a block can stand on the same line
    source = "\n".join(before) + joint + code + end if before else code + end
    changed = printing_last(source.replace("\n", line_end))
    said = output(changed)
    printed = output("\n".join(before))
    if expected is None:
        assert said.startswith(f"{printed}<function")
    else:
        assert said == printed + expected


@given(st.lists(statements, max_size=4))
def test_other_code_stays_as_it_is(before):
    code = "\n".join([*before, "x = 1"])
    assert printing_last(code) == code


@given(st.text(max_size=60) | st.text(alphabet="()[]{}'\"\\\n #;=x1", max_size=60))
def test_any_text_can_be_given(code):
    assert isinstance(printing_last(code), str)


@pytest.mark.parametrize(
    "code", ["(" * 5000, "-" * 50000 + "1", "a" + ".a" * 50000, "\0", "\ud800", "x" * 50000, "[" * 90 + "]" * 90]
)
def test_hostile_code_is_an_error_and_no_crash(code):
    with contextlib.suppress(SyntaxError):
        parse(code)
    assert isinstance(printing_last(code), str)


def test_no_warning_is_shown():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert printing_last("x = '\\d'; x is 1").endswith("print(_)\n")
