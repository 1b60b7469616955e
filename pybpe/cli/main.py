"""The command `pybpe`: the list of commands, and the exit status of each error."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import Any, NoReturn

from pybpe import __version__
from pybpe.cli.console import Terminated, UsageError, fail, warnings_as_notes
from pybpe.errors import PybpeError
from pybpe.util.suggestions import did_you_mean, nearest

# The commands are imported within main(), which reports Ctrl-C during the imports in one line as at any other time.

OK, FAILURE, USAGE, INTERRUPTED, TERMINATED = 0, 1, 2, 130, 143

EXAMPLES = """\
examples:
  pybpe demo                                 from text to a small language model, in about two minutes
  pybpe train corpus.txt                     learn a tokenizer and write corpus.pybpe
  pybpe encode corpus.pybpe corpus.txt       turn the corpus into shards of ids
  pybpe COMMAND --help                       the arguments and options of a command
"""


class Parser(argparse.ArgumentParser):
    """An argument parser that reports errors in one line."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse options anywhere among the arguments, as in `encode TOKENIZER -o FOLDER FILE`.

        By default, argparse gives an argument with nargs="*" no words after an option.
        """
        ends_options = "--" in (args or ())  # parse_known_intermixed_args would remove it too early
        if self._subparsers is not None or self._intermixing or ends_options:
            return super().parse_known_args(args, namespace)
        self._intermixing = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._intermixing = False

    _intermixing = False

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Raise ArgumentError for a value that is not one of the choices, with the nearest choice."""
        if action.choices is not None and value not in action.choices:
            known = [str(choice) for choice in action.choices]
            guess = did_you_mean(str(value), known)
            raise argparse.ArgumentError(action, f"{str(value)[:40]!r} is none of {', '.join(known)}{guess}")

    def error(self, message: str) -> NoReturn:
        """Print the error and how to get help, and exit with status 2."""
        fail(f"{message}; see: {self.prog} --help")
        self.exit(USAGE)


def make_parser() -> tuple[Parser, dict[str, argparse.ArgumentParser]]:
    """Return (the parser of `pybpe`, {name: parser} of the commands)."""
    from pybpe.cli import convert, count, decode, demo, encode, gpt, info, train

    parser = Parser(
        prog="pybpe",
        description="Byte-pair encoding from raw text to a talking model.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"pybpe {__version__}")
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND", parser_class=Parser)
    for module in (train, encode, decode, count, info, convert, demo, gpt):
        module.add_commands(commands)
    return parser, dict(commands.choices)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command, and return the exit status: 0 success, 1 error, 2 wrong usage, 130 Ctrl-C, 143 SIGTERM."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        if sys.stdout is None:
            raise OSError("standard output is closed; send it to a file, or to /dev/null")
        with sigterm_as_interrupt(), warnings_as_notes():
            status = run(arguments)
        sys.stdout.flush()
        return status
    except SystemExit as stop:  # argparse, after --help and after errors
        return stop.code if isinstance(stop.code, int) else FAILURE
    except BrokenPipeError:  # whoever read the output has seen enough; keep Python from complaining at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return FAILURE
    except Terminated as stop:
        fail(f"terminated; {str(stop) or 'nothing was written'}")
        return TERMINATED
    except KeyboardInterrupt as interrupt:
        fail(f"interrupted; {str(interrupt) or 'nothing was written'}")
        return INTERRUPTED
    except UsageError as error:
        fail(str(error))
        return USAGE
    except MemoryError as error:
        fail(f"not enough memory; {str(error) or 'try a smaller corpus'}")
    except OSError as error:
        from pybpe.cli.arguments import describe

        fail(describe(error))
    except OverflowError as error:
        fail(f"a number is too large: {error}")
    except RecursionError:
        fail("the pattern, or a file, is nested too deeply; make it simpler")
    except (PybpeError, ValueError) as error:  # UnicodeError is a ValueError
        fail(str(error))
    return FAILURE


@contextlib.contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """Return a context in which the first SIGTERM raises Terminated, and a second one ends the process at once."""

    def terminate(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        raise Terminated

    ours = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    if not ours:
        yield
        return
    signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def run(arguments: list[str]) -> int:
    """Parse the arguments, run the command, and return the exit status. Raises UsageError."""
    parser, commands = make_parser()
    if not arguments:
        parser.print_help(sys.stderr)
        return USAGE
    if not arguments[0].startswith("-") and arguments[0] not in commands:
        raise UsageError(_unknown(f"there is no command {arguments[0]!r}", arguments[0], list(commands), "pybpe"))
    options, extra = parser.parse_known_args(arguments)
    if options.command is None:
        raise UsageError(f"{extra[0]!r} is not a command; see: pybpe --help")
    if extra:
        command = getattr(options, "parser", commands[options.command])  # of `gpt train`, not of `gpt`
        known = list(command._option_string_actions)
        if extra[0].split("=")[0] in ("-t", "--tokenizer") and hasattr(options, "tokenizer"):
            raise UsageError(f"the tokenizer is the first argument of {command.prog}; leave out {extra[0]}")
        raise UsageError(_unknown(f"{extra[0]!r} is not understood", extra[0].split("=")[0], known, command.prog))
    options.run(options)
    return OK


def _unknown(message: str, word: str, known: list[str], program: str) -> str:
    close = nearest(word, known)
    return f"{message}; did you mean {close}?" if close else f"{message}; see: {program} --help"
