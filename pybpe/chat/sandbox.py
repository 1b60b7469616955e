"""The sandbox of chat templates: Jinja's, set up as in transformers, with limits.

A template is an untrusted program. The sandbox denies access to Python's internals. In addition, the steps of loops and
macros, the time, and the length of texts are limited. The memory of a single filter over long lists is not limited:
render templates from untrusted sources in a process with a memory limit.
"""

from __future__ import annotations

import datetime
import json
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from pybpe.util.extras import extra_module

MAX_TEXT = 1 << 26  # characters of any string that a template makes
MAX_STEPS = 1_000_000  # of loops and macros
MAX_SECONDS = 30.0
_WIDE = re.compile(r"\d{6,}")  # a width of 100,000 characters or more in a format string
_WIDTHS = ("center", "ljust", "rjust", "zfill", "expandtabs", "indent", "wordwrap", "tojson")

jinja2 = extra_module("jinja2", "templates", "to render chat templates")
_sandbox = extra_module("jinja2.sandbox", "templates", "to render chat templates")
_compiler = extra_module("jinja2.compiler", "templates", "to render chat templates")
_Sandbox: Any = _sandbox.ImmutableSandboxedEnvironment
_CodeGenerator: Any = _compiler.CodeGenerator
_Extension: Any = extra_module("jinja2.ext", "templates", "to render chat templates").Extension
_Namespace: Any = jinja2.utils.Namespace
LimitError: Any = _sandbox.SecurityError


class Run:
    """The state of one rendering: its steps, its length, and the spans of `{% generation %}` blocks in characters."""

    def __init__(self) -> None:
        self.steps = 0
        self.length = 0  # characters of the text so far
        self.spans: list[tuple[int, int]] = []
        self.end = time.monotonic() + MAX_SECONDS

    def step(self) -> None:
        """Count a step of a loop or macro. Raises SecurityError beyond the limits."""
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise LimitError(f"the template takes more than {MAX_STEPS:,} steps")
        if self.steps % 256 == 0 and time.monotonic() > self.end:
            raise LimitError(f"the template takes longer than {MAX_SECONDS:.0f} s")


_RUN: ContextVar[Run] = ContextVar("run")


@contextmanager
def running() -> Iterator[Run]:
    """Return a context in which all rendering belongs to one Run."""
    token = _RUN.set(Run())
    try:
        yield _RUN.get()
    finally:
        _RUN.reset(token)


def _bounded(size: int) -> None:
    if size > MAX_TEXT:
        raise LimitError(f"the template makes a text of more than {MAX_TEXT:,} characters")


def _concat(parts: Iterable[str]) -> str:
    """Join parts to one text within the limit; every text that a template writes is joined here."""
    kept = []
    size = 0
    for part in parts:
        size += len(part)
        _bounded(size)
        kept.append(part)
    return "".join(kept)


class _Generation(_Extension):  # type: ignore[misc]
    """The Jinja extension for `{% generation %}...{% endgeneration %}` blocks and for the counting of steps."""

    tags = frozenset({"generation"})

    def parse(self, parser: Any) -> Any:
        """Parse a block to a call of `span` with its body."""
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("span"), [], [], body).set_lineno(line)

    def span(self, caller: Any) -> str:
        """Render the body of a block, and record its span in the text."""
        content: str = caller()
        run = _RUN.get()
        run.spans.append((run.length, run.length + len(content)))
        return content

    def step(self) -> None:
        """Count a step of a loop or macro."""
        _RUN.get().step()

    def counted(self, line: int) -> Any:
        """Return the statement that counts one step."""
        return jinja2.nodes.ExprStmt(self.call_method("step", lineno=line), lineno=line)


class _Generator(_CodeGenerator):  # type: ignore[misc]
    """A code generator that compiles `a ~ b` to a call of the limited `concat`."""

    def visit_Concat(self, node: Any, frame: Any) -> None:  # noqa: N802  Jinja's name
        self.write("environment.concat(map(str, (")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write(")))")


class Environment(_Sandbox):  # type: ignore[misc]
    """The Jinja environment that transformers gives to chat templates, with limits."""

    intercepted_binops = frozenset(["*", "**", "%", "+"])
    code_generator_class = _Generator
    concat = staticmethod(_concat)

    def __init__(self) -> None:
        loop_controls = "jinja2.ext.loopcontrols"
        super().__init__(trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loop_controls])
        self.filters["tojson"] = _to_json
        for name in ("center", "indent", "wordwrap", "tojson", "join", "replace", "format"):
            self.filters[name] = _limited_filter(name, self.filters[name])
        del self.globals["lipsum"]  # makes random text of any length
        self.globals.update(raise_exception=_raise, strftime_now=_now, dict=_Dict(), namespace=_Names)

    def _generate(self, source: Any, name: Any, filename: Any, defer_init: bool = False) -> Any:
        """Compile a template in which each iteration of a loop and each call of a macro counts as a step."""
        counter = self.extensions[_Generation.identifier]
        for node in source.find_all((jinja2.nodes.For, jinja2.nodes.Macro, jinja2.nodes.CallBlock)):
            node.body.insert(0, counter.counted(node.lineno))
        return super()._generate(source, name, filename, defer_init)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Apply an operator. Raises SecurityError if its result would be too large."""
        if operator == "**" and abs(right) * len(str(left)) > 10_000:
            raise LimitError("the template computes a number of more than 10,000 digits")
        if operator == "*":
            for one, other in ((left, right), (right, left)):
                if hasattr(one, "__len__") and isinstance(other, int):
                    _bounded(len(one) * other)
        if operator == "%" and isinstance(left, str):
            _check_format(left)
        if operator == "+" and hasattr(left, "__len__") and hasattr(right, "__len__"):
            _bounded(len(left) + len(right))
        return super().call_binop(context, operator, left, right)

    def wrap_str_format(self, value: Any) -> Any:
        """Return str.format of a string with a check of its widths."""
        wrapped = super().wrap_str_format(value)
        if wrapped is None:
            return None

        def limited(*args: Any, **kwargs: Any) -> str:
            _check_format(value.__self__)
            _bounded(max((arg for arg in [*args, *kwargs.values()] if isinstance(arg, int)), default=0))
            return wrapped(*args, **kwargs)  # type: ignore[no-any-return]

        return limited

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805  Jinja's signature
        """Call an object. Raises SecurityError if a method of a string would make too long a text."""
        owner = getattr(__obj, "__self__", None)
        if isinstance(owner, str):
            _check_sizes(getattr(__obj, "__name__", ""), owner, args)
        return super().call(__context, __obj, *args, **kwargs)


def _limited_filter(name: str, apply: Any) -> Any:
    """Return a filter that first checks the length of its result."""
    import functools

    @functools.wraps(apply)
    def limited(*args: Any, **kwargs: Any) -> Any:
        values = [arg for arg in args if isinstance(arg, (str, int, list, tuple, dict))] + list(kwargs.values())
        if name == "join" and len(values) > 1:  # the filter has the list first and the separator second
            values = values[1::-1]
        if values and isinstance(values[0], str):
            _check_sizes(name, values[0], values[1:])
        return apply(*args, **kwargs)

    return limited


def _check_sizes(method: str, text: str, args: Any) -> None:
    """Raise SecurityError if a method or filter of a string would make one that is too long."""
    if method in _WIDTHS:
        _bounded(max((arg * (1 + text.count("\n")) for arg in args if isinstance(arg, int)), default=0))
    elif method in ("format", "format_map"):
        _check_format(text)
    elif method == "replace" and len(args) > 1 and isinstance(args[0], str) and isinstance(args[1], str):
        _bounded(len(text) + text.count(args[0]) * len(args[1]))
    elif method == "join" and args and isinstance(args[0], (str, list, tuple, dict)):
        _bounded(len(text) * len(args[0]) + sum(len(part) for part in args[0] if isinstance(part, str)))


def _check_format(text: str) -> None:
    if _WIDE.search(text):
        raise LimitError("the template formats to a width of 100,000 characters or more")


def _to_json(
    value: Any, ensure_ascii: bool = False, indent: Any = None, separators: Any = None, sort_keys: bool = False
) -> str:
    """Return plain JSON; Jinja's own filter escapes < and > for HTML."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _raise(message: str) -> None:
    raise jinja2.exceptions.TemplateError(message)


def _now(format: str) -> str:
    return datetime.datetime.now().strftime(format)


class _Dict:
    """A callable in place of `dict`, without the attributes of the class."""

    def __call__(self, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        return dict(*args, **kwargs)

    def fromkeys(self, *args: Any) -> dict[Any, Any]:
        """Return dict.fromkeys(*args)."""
        return dict.fromkeys(*args)


class _Names(_Namespace):  # type: ignore[misc]
    """Jinja's `namespace`, which refuses names that begin with an underscore."""

    def __init__(*args: Any, **kwargs: Any) -> None:
        self, *rest = args
        names = dict(*rest, **kwargs)
        for name in names:
            _check_name(name)
        _Namespace.__init__(self, names)

    def __setitem__(self, name: str, value: Any) -> None:
        _check_name(name)
        super().__setitem__(name, value)


def _check_name(name: Any) -> None:
    if isinstance(name, str) and name.startswith("_"):
        raise LimitError(f"a namespace in a template may not hold the name {name!r}, which begins with an underscore")
