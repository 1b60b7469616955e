"""`pybpe gpt chat`: talk with a model in a terminal, or let it answer the lines of a pipe."""

from __future__ import annotations

import argparse
import contextlib
from typing import TYPE_CHECKING, Any

from pybpe.cli.arguments import (
    MOST_THREADS,
    add_command,
    add_sampling,
    place,
    text_argument,
    whole,
)
from pybpe.cli.console import standard_input
from pybpe.cli.gpt_tool import add_tool, open_tool, tool_backend

if TYPE_CHECKING:
    from pybpe.gpt.answering import ChatModel

EXAMPLES = """\
examples:
  pybpe gpt chat my-chat
  pybpe gpt chat my-chat --temperature 0 --system 'Be brief.'
  echo "How many r are in 'strawberry'?" | pybpe gpt chat my-chat
"""


def add_chat(commands: Any) -> None:
    """Add `chat` to the parser."""
    from pybpe.gpt.settings import DEVICES

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
    add_sampling(parser)
    parser.add_argument("--seed", type=whole(0), metavar="N", help="random seed: the same seed gives the same answers")
    parser.add_argument(
        "--max-tokens",
        type=whole(1),
        metavar="N",
        help="maximum number of tokens of an answer (what the context allows)",
    )
    parser.add_argument("--system", type=text_argument, default="", metavar="TEXT", help="system message")
    add_tool(parser)
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

    backend = tool_backend(options)
    stdin = standard_input()
    sampling = Sampling(options.temperature, options.top_k, options.top_p, options.min_p)
    settings = Settings(sampling, options.max_tokens, options.seed, options.system)
    model = _open(options)
    with contextlib.ExitStack() as stack:
        sandbox = open_tool(backend)
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
