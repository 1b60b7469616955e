"""`pybpe gpt serve`: a server that speaks OpenAI's API, with a page to talk to the model."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from pybpe.cli.arguments import MOST_THREADS, add_command, place, positive, whole
from pybpe.cli.console import Terminated, UsageError, note, out
from pybpe.cli.gpt_tool import add_tool, open_tool, tool_backend
from pybpe.util.extras import extra_module

if TYPE_CHECKING:
    from pybpe.gpt.serve.served import Served
    from pybpe.gpt.serve.server import Server
    from pybpe.sandbox import Sandbox

KEY = "PYBPE_API_KEY"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
MOST_SLOTS, MOST_QUEUE, MOST_PORT = 1024, 10_000, 65_535
EXAMPLES = """\
examples:
  pybpe gpt serve my-chat                                at http://127.0.0.1:8000
  pybpe gpt serve my-chat --port 8080 --slots 8          other port, eight answers at once
  PYBPE_API_KEY=secret pybpe gpt serve my-chat --host 0.0.0.0
"""


def add_serve(commands: Any) -> None:
    """Add `serve` to the parser."""
    from pybpe.gpt.settings import DEVICES

    parser = add_command(
        commands,
        "serve",
        "serve a GPT over OpenAI's API, with a page to talk to it",
        "Serve a model over HTTP until Ctrl-C or SIGTERM: OpenAI's API at /v1, and a page to talk to it at /.\n"
        "FOLDER is that of a run. A model that was not fine-tuned to talk serves /v1/completions only.",
        EXAMPLES,
        run_serve,
    )
    parser.add_argument("folder", type=place, metavar="FOLDER", help="a folder with a model and its vocabulary")
    parser.add_argument("--host", default="127.0.0.1", metavar="H", help="address to listen on (127.0.0.1)")
    parser.add_argument(
        "--port", type=whole(0, MOST_PORT), default=8000, metavar="N", help="port to listen on, 0: any free one (8000)"
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a further name of this server, as clients write it in the header Host; may be repeated",
    )
    parser.add_argument("--api-key", metavar="KEY", help=f"key that clients must send (the variable {KEY}, or none)")
    parser.add_argument(
        "--slots", type=whole(1, MOST_SLOTS), metavar="N", help="answers generated at once (64, fewer of large models)"
    )
    parser.add_argument(
        "--queue", type=whole(0, MOST_QUEUE), default=64, metavar="N", help="answers that may wait for a slot (64)"
    )
    parser.add_argument(
        "--max-tokens", type=whole(1), metavar="N", help="maximum number of tokens of an answer (the context)"
    )
    parser.add_argument(
        "--seconds", type=positive, default=300.0, metavar="S", help="time limit for an answer, with its wait (300)"
    )
    add_tool(parser)
    parser.add_argument("--device", choices=DEVICES, default="auto", help="device to compute on (auto)")
    parser.add_argument(
        "--threads", type=whole(1, MOST_THREADS), metavar="N", help="threads to compute with (1 for small models)"
    )


def run_serve(options: argparse.Namespace) -> None:
    """Serve until a signal comes."""
    for package in ("starlette", "uvicorn"):
        extra_module(package, "chat", "to serve a model")
    from pybpe.gpt.engines import need_torch

    need_torch()
    if not options.folder.is_dir():
        raise FileNotFoundError(f"there is no folder {options.folder}; name the folder of a run")
    with open_tool(tool_backend(options)) or contextlib.nullcontext() as tool, _log_to_stderr():
        _serve(options, tool)


def _serve(options: argparse.Namespace, tool: Sandbox | None) -> None:
    server = _server(options, tool)
    if options.host not in LOOPBACK and server.settings.key is None:
        note(f"the server is open to other machines on {options.host}, and asks for no key: set one with --api-key")
    out().print(f"serving {options.folder} at {server.url} (Ctrl-C ends it)", soft_wrap=True)
    ended = f"the server at {server.url} has ended"
    try:
        server.run()
    except Terminated:
        raise Terminated(ended) from None
    except KeyboardInterrupt:
        raise KeyboardInterrupt(ended) from None


def _server(options: argparse.Namespace, tool: Sandbox | None) -> Server:
    from pybpe.gpt.serve.app import Limits
    from pybpe.gpt.serve.served import model_name
    from pybpe.gpt.serve.server import Server, ServerSettings

    settings = ServerSettings(
        host=options.host,
        port=options.port,
        slots=options.slots,
        queue=options.queue,
        key=_key(options),
        allowed_hosts=tuple(options.allow_host),
        limits=Limits(options.max_tokens, options.seconds),
    )
    return Server(model_name(options.folder), partial(_load, options, tool), settings, tool)


def _key(options: argparse.Namespace) -> str | None:
    """Return the key that clients must send, None for no key."""
    key = os.environ.get(KEY) if options.api_key is None else options.api_key
    if options.api_key is None and not key:
        return None
    if not key or not key.isascii() or not key.isprintable() or key.strip() != key:
        raise UsageError("the API key must have printable ASCII characters, without spaces at its ends")
    return str(key)


def _load(options: argparse.Namespace, tool: Sandbox | None) -> Served:
    """Open the model, in the thread that will run it."""
    import torch

    from pybpe.gpt.serve.served import open_served

    served = open_served(options.folder, options.device)
    torch.set_num_threads(options.threads or served.default_threads())
    tools = "no tools" if tool is None or served.chat is None else f"tools in the sandbox {tool.name}"
    note(f"the model is loaded: {served.network.n_params:,} parameters, {served.context:,} tokens of context, {tools}")
    if served.chat is None:
        note("the model was not fine-tuned to talk, so only /v1/completions answers; see: pybpe gpt finetune --help")
    return served


@contextlib.contextmanager
def _log_to_stderr() -> Iterator[None]:
    """Return a context in which the log of the server goes to standard error, a line for each request."""
    from pybpe.gpt.serve.server import EscapingFormatter

    handler = logging.StreamHandler()
    handler.setFormatter(EscapingFormatter("%(asctime)s %(message)s", "%H:%M:%S"))
    loggers = {logging.getLogger("pybpe.serve"): logging.INFO, logging.getLogger("uvicorn.error"): logging.ERROR}
    before = [(logger, logger.level, logger.propagate) for logger in loggers]
    for logger, level in loggers.items():
        logger.addHandler(handler)
        logger.setLevel(level)
        logger.propagate = False
    try:
        yield
    finally:
        for logger, level, propagate in before:
            logger.removeHandler(handler)
            logger.setLevel(level)
            logger.propagate = propagate
