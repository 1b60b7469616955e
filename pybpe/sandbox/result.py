"""Result: what running code gave, with limits on its size."""

from __future__ import annotations

from dataclasses import dataclass

MAX_CODE = 60_000  # bytes of UTF-8
MAX_OUTPUT = 4096  # bytes of UTF-8 in Result.stdout, with the mark of a cut
FLOOD = 1 << 20  # bytes of output, beyond which a run is no success
MAX_ERROR = 1000  # characters of Result.error
CUT = "\n... (cut)"


@dataclass(frozen=True)
class Result:
    """Holds what a run of code printed, and how it ended.

    stdout: the output with the value of a last expression, without one line end at its end, at most 4,096 bytes of
    UTF-8; longer output ends with the line "... (cut)". error: None, or the type and message of the error, such as
    "ZeroDivisionError: division by zero", in one line of at most 1,000 characters. success: True if the code ran to its
    end. timeout: True if it did not end within its time.
    """

    stdout: str
    error: str | None
    success: bool
    timeout: bool


def encoded(code: str) -> bytes:
    """Return code as UTF-8. Raises ValueError if it is longer than MAX_CODE bytes."""
    data = code.encode("utf-8", "surrogatepass")
    if len(data) > MAX_CODE:
        raise ValueError(f"the code has {len(data):,} bytes; at most {MAX_CODE:,} are allowed")
    return data


def result(output: str, error: str | None = None, timeout: bool = False, cut: bool = False) -> Result:
    """Return a Result with its output limited. cut: the output was longer than `output` is."""
    output = output if cut else output.removesuffix("\n")
    data = output.encode("utf-8", "replace")
    if cut or len(data) > MAX_OUTPUT:
        data = data[: MAX_OUTPUT - len(CUT)]
        output = data.decode("utf-8", "ignore") + CUT  # ignore: a part of the last character
    else:
        output = data.decode("utf-8")
    if error is not None:
        error = " ".join(error.encode("utf-8", "replace").decode("utf-8").splitlines())[:MAX_ERROR]
    return Result(output, error, error is None, timeout)


def late(output: str, seconds: float, cut: bool = False) -> Result:
    """Return the Result of code that did not end within its time."""
    return result(output, f"the code did not end within {seconds:g} s", timeout=True, cut=cut)


def flooded(output: str) -> Result:
    """Return the Result of code that wrote more than FLOOD bytes."""
    return result(output, f"the code wrote more than {FLOOD >> 20} MiB of output", cut=True)
