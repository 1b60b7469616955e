"""`pybpe gpt chat`: talk with a model in a terminal, or let it answer the lines of a pipe."""

from __future__ import annotations

import argparse
import contextlib
from typing import TYPE_CHECKING, Any

from pybpe.cli.arguments import MOST_THREADS, add_command, at_least_0, place, positive, text_argument, whole
from pybpe.cli.console import UsageError, note, standard_input

if TYPE_CHECKING:
    from pybpe.gpt.answering import ChatModel
    from pybpe.sandbox import Sandbox

AUTO, UNSAFE = "auto", "unsafe"  # backends of pybpe.sandbox
EXAMPLES = """\
examples:
  pybpe gpt chat my-chat
  pybpe gpt chat my-chat --temperature 0 --system 'Be brief.'
  echo "How many r are in 'strawberry'?" | pybpe gpt chat my-chat
"""


def add_chat(commands: Any) -> None:
    """Add `chat` to the parser."""
    from pybpe.gpt.settings import DEVICES
    from pybpe.sandbox import BACKENDS

    parser = add_command(
        commands,
        "chat",
        "talk with a GPT that was fine-tuned on conversations",
        "Talk with a model. Python code that it writes is run in a sandbox and shown with its output. FOLDER is that\n"
        "of pybpe gpt finetune or of pybpe demo --chat. /help lists the commands to type. Without a terminal,\n"
        "each line of standard input is a question of its own, and the answers go to standard output.",
        EXAMPLES,
        run_chat,
    )
    parser.add_argument("folder", type=place, metavar="FOLDER", help="a folder with a model that can talk")
    parser.add_argument(
        "--temperature", type=at_least_0, default=0.8, metavar="T", help="sampling temperature, 0: greedy (0.8)"
    )
    parser.add_argument("--top-k", type=whole(1), metavar="K", help="sample from the K most likely tokens")
    parser.add_argument("--top-p", type=positive, metavar="P", help="nucleus sampling threshold")
    parser.add_argument(
        "--min-p", type=positive, metavar="P", help="minimum probability, relative to the most likely token"
    )
    parser.add_argument("--seed", type=whole(0), metavar="N", help="random seed: the same seed gives the same answers")
    parser.add_argument(
        "--max-tokens",
        type=whole(1),
        metavar="N",
        help="maximum number of tokens of an answer (what the context allows)",
    )
    parser.add_argument("--system", type=text_argument, default="", metavar="TEXT", help="system message")
    parser.add_argument(
        "--backend", choices=BACKENDS, help=f"sandbox that runs the model's code ({AUTO}: the first that works)"
    )
    parser.add_argument("--no-tools", action="store_true", help="let the model run no code")
    parser.add_argument(
        "--unsafe-python", action="store_true", help="run the model's code without a sandbox: it can do what you can"
    )
    parser.add_argument("--device", choices=DEVICES, default="auto", help="device to compute on (auto)")
    parser.add_argument(
        "--threads", type=whole(1, MOST_THREADS), metavar="N", help="number of threads (torch's choice)"
    )


def run_chat(options: argparse.Namespace) -> None:
    """Open the model and a sandbox, and talk."""
    from pybpe.cli.chat_input import PipeInput, TerminalInput
    from pybpe.cli.chat_screen import Screen
    from pybpe.cli.chat_session import Session, Settings, answer_lines, converse
    from pybpe.gpt.sampling import Sampling

    backend = _backend(options)
    stdin = standard_input()
    sampling = Sampling(options.temperature, options.top_k, options.top_p, options.min_p)
    settings = Settings(sampling, options.max_tokens, options.seed, options.system)
    model = _open(options)
    with contextlib.ExitStack() as stack:
        sandbox = None if backend is None else _sandbox(backend)
        if sandbox is not None:
            stack.callback(sandbox.close)
        screen, typed = Screen(), stdin.isatty()
        session = Session(model, sandbox, settings, screen, keeps=typed)
        if not typed:
            answer_lines(session, PipeInput(stdin))
            return
        tools = "off" if sandbox is None else sandbox.name
        sizes = f"{model.model.n_params:,} parameters, context {model.model.n_ctx:,} tokens"
        screen.tell(f"{options.folder}: {sizes}, tools {tools}; /help lists the commands")
        converse(session, TerminalInput(stdin))


def _open(options: argparse.Namespace) -> ChatModel:
    from pybpe.gpt.answering import open_chat
    from pybpe.gpt.engines import need_torch

    need_torch()
    if options.threads is not None:
        import torch

        torch.set_num_threads(options.threads)
    return open_chat(options.folder, options.device)


def _backend(options: argparse.Namespace) -> str | None:
    """Return the backend that the options ask for, None for no tools. Raises UsageError if they contradict."""
    asked = {
        "--backend": options.backend is not None,
        "--no-tools": options.no_tools,
        "--unsafe-python": options.unsafe_python,
    }
    given = [name for name, is_given in asked.items() if is_given]
    if len(given) > 1:
        raise UsageError(f"{given[0]} and {given[1]} contradict each other; leave out one of them")
    if options.no_tools:
        return None
    return UNSAFE if options.unsafe_python else options.backend or AUTO


def _sandbox(backend: str) -> Sandbox | None:
    """Open a sandbox; None, after a note, if no sandbox passes and none was named."""
    from pybpe.errors import SandboxError
    from pybpe.sandbox import open_sandbox

    try:
        return open_sandbox(backend)
    except SandboxError as error:
        if backend != AUTO:
            raise
        note(f"the model can run no code: {error}")
        return None
