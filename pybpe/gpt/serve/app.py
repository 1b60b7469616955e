"""The routes of the server: OpenAI's paths, /health, /metrics, and the page at /."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from pybpe.gpt.serve.body import Bodies
from pybpe.gpt.serve.errors import ApiError
from pybpe.gpt.serve.exchange import Exchange
from pybpe.gpt.serve.fields import parse_json
from pybpe.gpt.serve.jobs import Continuation, Follower, Job
from pybpe.gpt.serve.mailbox import Mailbox
from pybpe.gpt.serve.page import page, policy
from pybpe.gpt.serve.prompts import begin_answer, chat_prompt, completion_prompt
from pybpe.gpt.serve.requests import Options, chat_request, check_model, completion_request
from pybpe.gpt.serve.responses import ChatWriter, CompletionWriter, Writer
from pybpe.gpt.serve.security import error_response
from pybpe.gpt.serve.served import ModelCard, Served
from pybpe.gpt.serve.worker import Worker
from pybpe.gpt.tools import ToolLimits

PARSERS = 2  # requests that are checked and encoded at once, in threads
METRICS_TYPE = "text/plain; version=0.0.4"


@dataclass(frozen=True)
class Limits:
    """Limits of an answer. max_tokens: that the model chooses, None for no limit but the context. seconds: from the
    request to its end. tools: those of the Python tool, where there is one.
    """

    max_tokens: int | None = None
    seconds: float = 300.0
    tools: ToolLimits = field(default_factory=ToolLimits)


@dataclass(frozen=True)
class Prepared:
    """A request, checked and encoded. choices: (prompt, follower) of each. never: ids that are not chosen."""

    writer: Writer
    choices: list[tuple[list[int], Follower]]
    never: frozenset[int] = frozenset()


class Api:
    """The application, without the checks of security.py. `app` is its ASGI application."""

    def __init__(self, worker: Worker, card: ModelCard, limits: Limits | None = None) -> None:
        self._worker, self._card, self._limits = worker, card, limits or Limits()
        self._bodies = Bodies()
        self._parsers: anyio.CapacityLimiter | None = None  # made in the event loop that it belongs to
        self.app = Starlette(
            routes=[
                Route("/", self._page),
                Route("/health", self._health),
                Route("/metrics", self._metrics),
                Route("/v1/models", self._models),
                Route("/v1/models/{name:path}", self._model),
                Route("/v1/chat/completions", partial(self._answer, self._prepare_chat), methods=["POST"]),
                Route("/v1/completions", partial(self._answer, self._prepare_completion), methods=["POST"]),
            ],
            exception_handlers={HTTPException: _http_error, ApiError: _api_error, Exception: _unexpected},
        )
        self.app.router.redirect_slashes = False

    async def _page(self, request: Request) -> Response:
        # frame-ancestors has no effect in the page's own <meta> element.
        return HTMLResponse(page(), headers={"Content-Security-Policy": f"{policy()}; frame-ancestors 'none'"})

    async def _health(self, request: Request) -> Response:
        """Say if the model is loaded; it waits for nothing, so it answers while the model computes."""
        worker = self._worker
        state = {"slots": worker.slots, "running": worker.running, "queued": worker.queued}
        loaded = worker.served is not None
        return JSONResponse({"status": "ok" if loaded else "loading", **state}, 200 if loaded else 503)

    async def _metrics(self, request: Request) -> Response:
        worker = self._worker
        gauges = [
            ("answers_running", "Answers that are generated now.", float(worker.running)),
            ("answers_queued", "Answers that wait in the queue.", float(worker.queued)),
            ("slots", "Answers that can be generated at once.", float(worker.slots)),
        ]
        return PlainTextResponse(worker.metrics.text(gauges), media_type=METRICS_TYPE)

    async def _models(self, request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [self._described()]})

    async def _model(self, request: Request) -> Response:
        check_model(request.path_params["name"], self._card.name)
        return JSONResponse(self._described())

    def _described(self) -> dict[str, Any]:
        """Return OpenAI's object of the model; what is not known while it is loading is null."""
        worker, served = self._worker, self._worker.served
        extension = {
            "context": None if served is None else served.context,
            "vocabulary": None if served is None else served.n_vocab,
            "chat": None if served is None else served.chat is not None,
            "tools": None if worker.tool is None else worker.tool.name,
            "loading": served is None,
        }
        card = {"id": self._card.name, "object": "model", "created": self._card.created, "owned_by": "pybpe"}
        return {**card, "pybpe": extension}

    async def _answer(self, prepare: Callable[[bytes, Served], Prepared], request: Request) -> Any:
        """Answer a request for chat or completions."""
        began = time.monotonic()
        served = self._worker.check_open()
        body = await self._bodies.read(request)
        if self._parsers is None:
            self._parsers = anyio.CapacityLimiter(PARSERS)
        prepared = await anyio.to_thread.run_sync(prepare, body, served, limiter=self._parsers)
        options, mailbox = prepared.writer.options, Mailbox()
        most = [limit for limit in (options.max_tokens, self._limits.max_tokens, served.context) if limit is not None]
        jobs = [
            Job(
                prompt=prompt,
                follower=follower,
                sampling=options.sampling,
                seed=None if options.seed is None else options.seed + index % options.n,
                max_tokens=min(most),
                stops=options.stop,
                top_logprobs=options.top_logprobs,
                deliver=partial(mailbox.put, index),
                deadline=began + self._limits.seconds,
                never=prepared.never,
                begun=began,
            )
            for index, (prompt, follower) in enumerate(prepared.choices)
        ]
        return Exchange(self._worker, jobs, mailbox, prepared.writer)

    def _prepare_chat(self, body: bytes, served: Served) -> Prepared:
        request = chat_request(parse_json(body), served.n_vocab)
        self._check_model(request.options)
        prompt = chat_prompt(request, served)
        usable = self._worker.tool is not None and request.use_tools
        limits = self._limits.tools if usable else ToolLimits(calls=0)
        followers = [begin_answer(prompt.chat, prompt.begun, limits) for _ in range(request.options.n)]
        writer = ChatWriter(self._card.name, served.vocabulary, request.options, len(prompt.ids), prompt.dropped)
        return Prepared(writer, [(prompt.ids, follower) for follower in followers], frozenset(served.never))

    def _prepare_completion(self, body: bytes, served: Served) -> Prepared:
        request = completion_request(parse_json(body), served.n_vocab)
        self._check_model(request.options)
        prompts = [completion_prompt(prompt, served) for prompt in request.prompts]
        writer = CompletionWriter(self._card.name, served.vocabulary, request.options, sum(map(len, prompts)))
        each = [prompt for prompt in prompts for _ in range(request.options.n)]
        return Prepared(writer, [(prompt, Continuation(served.vocabulary, served.stops)) for prompt in each])

    def _check_model(self, options: Options) -> None:
        check_model(options.model, self._card.name)


async def _api_error(request: Request, error: Exception) -> Response:
    """Return the response for an error that says itself what it is."""
    if not isinstance(error, ApiError):
        raise error
    return error_response(error)


async def _unexpected(request: Request, error: Exception) -> Response:
    """Return the response for an error of the server, which is raised again after it, for the log."""
    return error_response(ApiError(500, "the request failed; see the log of the server", "internal_error"))


async def _http_error(request: Request, error: Exception) -> Response:
    """Return the response for a path that does not exist, or a method that it does not have."""
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        message = f"{request.method} is not allowed here; use {allowed}"
        return error_response(ApiError(405, message, "method_not_allowed", headers=error.headers))
    message = f"there is nothing at {request.url.path[:100]!r}; the API is at /v1"
    return error_response(ApiError(error.status_code, message, "not_found", headers=error.headers))
