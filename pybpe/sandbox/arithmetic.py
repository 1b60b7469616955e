"""The backend none: integers, strings, + - * // % and methods of str, by the syntax tree. It is not Python.

Nothing is executed: each node of the tree that is known has a rule here, and all others are errors. The number of
steps, the digits of integers and the bytes of strings are limited before a value is made.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import cast

from pybpe.sandbox.last_expression import parse
from pybpe.sandbox.result import Result, result

MAX_SOURCE = 4096  # bytes of code
MAX_STEPS = 1000  # nodes of the tree
MAX_DEPTH = 100
MAX_DIGITS = 4000
MAX_BYTES = 4096  # of a string in UTF-8

Value = int | str

_MAX_BITS = int(MAX_DIGITS * 3.3219)  # log2(10) bits a digit, rounded down
_OPERATORS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_METHODS = [
    "capitalize",
    "casefold",
    "center",
    "count",
    "endswith",
    "find",
    "index",
    "isalnum",
    "isalpha",
    "isascii",
    "isdecimal",
    "isdigit",
    "isidentifier",
    "islower",
    "isnumeric",
    "isprintable",
    "isspace",
    "istitle",
    "isupper",
    "join",
    "ljust",
    "lower",
    "lstrip",
    "removeprefix",
    "removesuffix",
    "replace",
    "rfind",
    "rindex",
    "rjust",
    "rstrip",
    "startswith",
    "strip",
    "swapcase",
    "title",
    "upper",
    "zfill",
]


class _UnsupportedError(Exception):
    """Something that is Python, or may be, and is not known here."""

    def __str__(self) -> str:
        return (
            f"{self.args[0]} is not supported: without a sandbox, the tool knows integers, strings, + - * // %, "
            "methods of str, len, int, str and print, and no other Python"
        )


class _LimitError(Exception):
    """A limit is exceeded."""


class Arithmetic:
    """The backend none."""

    name = "none"

    def run(self, code: str, timeout: float = 5.0) -> Result:
        """Compute; see pybpe.sandbox.run. timeout: not used, as the number of steps is limited."""
        evaluator = _Evaluator()
        try:
            evaluator.run(code)
        except SyntaxError as error:
            return result(evaluator.output, f"SyntaxError: {error.msg}")
        except (_UnsupportedError, _LimitError) as error:
            return result(evaluator.output, str(error))
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            return result(evaluator.output, f"{type(error).__name__}: {error}")
        return result(evaluator.output)

    def close(self) -> None:
        """Do nothing."""


class _Evaluator:
    """The state of one run. output: what it printed."""

    def __init__(self) -> None:
        self.output = ""
        self._names: dict[str, Value] = {}
        self._steps = 0
        self._depth = 0

    def run(self, code: str) -> None:
        """Execute statements: assignments to one name, and expressions, of which the last one is printed."""
        if len(code) > MAX_SOURCE or len(code.encode("utf-8", "surrogatepass")) > MAX_SOURCE:
            raise _LimitError(f"the code has more than {MAX_SOURCE:,} bytes")
        body = parse(code).body
        for statement in body:
            if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
                target = statement.targets[0]
                if not isinstance(target, ast.Name):
                    raise _UnsupportedError("assignment to anything but a name")
                self._names[target.id] = self._value(statement.value)
            elif isinstance(statement, ast.Expr):
                self._expression(statement.value, is_last=statement is body[-1])
            else:
                raise _UnsupportedError(f"the statement {type(statement).__name__}")

    def _expression(self, node: ast.expr, is_last: bool) -> None:
        """Evaluate an expression statement: a call of print, or any other expression, printed if it is the last."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            self._print(*self._arguments(node))
        else:
            value = self._value(node)
            if is_last:
                self._print(value)

    def _print(self, *values: Value) -> None:
        self.output += " ".join(map(str, values)) + "\n"
        if len(self.output) > 1 << 16:
            raise _LimitError("the output has more than 65,536 characters")

    def _value(self, node: ast.expr) -> Value:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise _LimitError(f"the code takes more than {MAX_STEPS:,} steps")
        if self._depth >= MAX_DEPTH:
            raise _LimitError(f"the code has expressions nested more than {MAX_DEPTH} deep")
        self._depth += 1
        value = self._evaluate(node)
        self._depth -= 1
        return _limited(value)

    def _evaluate(self, node: ast.expr) -> Value:
        if isinstance(node, ast.Constant) and isinstance(node.value, (int, str)):
            return node.value
        if isinstance(node, ast.Name):
            if node.id not in self._names:
                raise _UnsupportedError(f"the name {node.id}")
            return self._names[node.id]
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
            value = self._value(node.operand)
            if isinstance(value, str):
                raise TypeError("a string has no sign")
            return -value if isinstance(node.op, ast.USub) else +value
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            return _binary(node.op, self._value(node.left), self._value(node.right))
        if isinstance(node, ast.Call):
            return self._call(node)
        raise _UnsupportedError(f"the expression {type(node).__name__}")

    def _arguments(self, node: ast.Call) -> list[Value]:
        if node.keywords:
            raise _UnsupportedError("an argument by name")
        return [self._value(argument) for argument in node.args]

    def _call(self, node: ast.Call) -> Value:
        function = node.func
        if isinstance(function, ast.Attribute):
            owner = self._value(function.value)
            if not isinstance(owner, str) or function.attr not in _METHODS:
                raise _UnsupportedError(f"the method {function.attr} of {type(owner).__name__}")
            return _call_method(owner, function.attr, self._arguments(node))
        if isinstance(function, ast.Name) and function.id in ("len", "int", "str"):
            arguments = self._arguments(node)
            if len(arguments) != 1:
                raise TypeError(f"{function.id}() takes one argument here, not {len(arguments)}")
            (value,) = arguments
            if function.id != "len":
                return int(value) if function.id == "int" else str(value)
            if isinstance(value, str):
                return len(value)
            raise TypeError("an integer has no len()")
        raise _UnsupportedError(f"the call of {getattr(function, 'id', 'an expression')}")


def _binary(operation: ast.operator, left: Value, right: Value) -> Value:
    """Apply an operator whose result is within the limits."""
    if isinstance(left, str) and isinstance(right, str) and isinstance(operation, ast.Add):
        return left + right  # each is limited
    if isinstance(operation, ast.Mult) and isinstance(left, str) != isinstance(right, str):
        return _repeated(left, right) if isinstance(left, str) else _repeated(right, left)
    if isinstance(left, str) or isinstance(right, str):
        raise TypeError(f"unsupported operand types: {type(left).__name__} and {type(right).__name__}")
    return _OPERATORS[type(operation)](left, right)  # each is limited, so a product has at most twice the digits


def _repeated(text: Value, times: Value) -> str:
    repeated = cast("str", text), cast("int", times)
    _check_size(len(repeated[0]) * repeated[1])
    return repeated[0] * repeated[1]


def _call_method(owner: str, name: str, arguments: list[Value]) -> Value:
    """Call a method of a string whose result is within the limits."""
    numbers = [argument for argument in arguments if isinstance(argument, int)]
    if name in ("center", "ljust", "rjust", "zfill"):
        _check_size(max(numbers, default=0))
    elif name == "replace" and len(arguments) >= 2:
        old, new = arguments[:2]
        if isinstance(old, str) and isinstance(new, str):
            _check_size(len(owner) + owner.count(old) * len(new))
    elif name == "join" and arguments and isinstance(arguments[0], str):
        _check_size(len(owner) * len(arguments[0]) + len(arguments[0]))
    value: Value = getattr(owner, name)(*arguments)
    return value


def _limited(value: Value) -> Value:
    if isinstance(value, str):
        _check_size(len(value.encode("utf-8", "surrogatepass")))
    elif value.bit_length() > _MAX_BITS:
        raise _LimitError(f"an integer has more than {MAX_DIGITS:,} digits")
    return value


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise _LimitError(f"a string has more than {MAX_BYTES:,} bytes")
