"""The thread that owns the model: it takes answers from a bounded queue and generates them together.

All other threads only put jobs into the queue, cancel them, or hand in the results of code, under one lock. The thread
looks at these between two steps of the model, so a job joins, and leaves, at any token.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from pybpe.gpt.answering import run_tool
from pybpe.gpt.serve.errors import ApiError, invalid, loading, queue_full, shutting_down
from pybpe.gpt.serve.jobs import Job
from pybpe.gpt.serve.metrics import Metrics
from pybpe.gpt.serve.served import Served

if TYPE_CHECKING:
    from pybpe.gpt.batching import Engine
    from pybpe.sandbox import Result, Sandbox

TOOL_THREADS = 4  # runs of code at once
_log = logging.getLogger("pybpe.serve")


class Worker:
    """The thread of the model with its queue.

    load: opens the model; it is called in the thread. slots: answers that are generated at once (None: as the model's
    size suggests). queue: answers that may wait. tool: runs code, None for no tool. tool_seconds: for each run.
    on_failure: called, in the thread, if the model could not be loaded.
    """

    def __init__(
        self,
        load: Callable[[], Served],
        *,
        slots: int | None = None,
        queue: int = 64,
        tool: Sandbox | None = None,
        tool_seconds: float = 5.0,
        metrics: Metrics | None = None,
        on_failure: Callable[[], object] = lambda: None,
    ) -> None:
        self._load, self._slots, self._most_queued = load, slots, queue
        self._on_failure = on_failure
        self.tool, self._tool_seconds = tool, tool_seconds
        self.metrics = Metrics() if metrics is None else metrics
        self.served: Served | None = None  # set once the model is loaded
        self.failure: BaseException | None = None  # why it could not be loaded
        self._changed = threading.Condition()  # guards all that follows
        self._queue: deque[Job] = deque()
        self._results: deque[tuple[Job, Result | None]] = deque()
        self._cancelled = False  # True if a running job was cancelled
        self._closing = self._stopping = False
        self._running: list[Job] = []  # changed by the thread of the model only
        self._pool = ThreadPoolExecutor(TOOL_THREADS, "pybpe-tool")
        self._thread = threading.Thread(target=self._run, name="pybpe-model", daemon=True)

    def start(self) -> None:
        """Start the thread, which loads the model."""
        self._thread.start()

    @property
    def queued(self) -> int:
        """The number of jobs that wait."""
        return len(self._queue)

    @property
    def running(self) -> int:
        """The number of jobs that are generated."""
        return len(self._running)

    @property
    def slots(self) -> int:
        """The number of jobs that can be generated at once; 0 while the model is loading."""
        return 0 if self.served is None else self._slots or 0

    def check_open(self) -> Served:
        """Return the model. ApiError if it is still loading, the server is ending, or the queue is full."""
        if self._closing:
            raise shutting_down()
        if self.served is None:
            raise loading()
        if self._room() < 1:
            self.metrics.add("queue_refusals")
            raise queue_full()
        return self.served

    def _room(self) -> int:
        """Return how many jobs can be taken: those for which there is a free slot or a place in the queue."""
        return self.slots + self._most_queued - len(self._queue) - len(self._running)

    def submit(self, jobs: Sequence[Job]) -> None:
        """Put all jobs of a request into the queue, or none. ApiError if there is no room for them."""
        if len(jobs) > self.slots + self._most_queued:
            raise invalid(
                f"the request asks for {len(jobs)} answers, and this server holds {self.slots + self._most_queued}", "n"
            )
        with self._changed:
            if self._closing:
                raise shutting_down()
            if self._room() < len(jobs):
                self.metrics.add("queue_refusals")
                raise queue_full()
            self._queue.extend(jobs)
            self._changed.notify()

    def cancel(self, jobs: Sequence[Job]) -> None:
        """Drop jobs that nobody waits for any more, wherever they are; those that have ended stay as they are."""
        with self._changed:
            for job in jobs:
                if job.ended or job.cancelled:
                    continue
                job.cancelled = True
                if job in self._queue:
                    self._queue.remove(job)
                    self.metrics.add("answers_cancelled")
                else:
                    self._cancelled = True
            self._changed.notify()

    def close_queue(self) -> None:
        """Take no more jobs, and end those that wait with an error; those that are generated go on."""
        with self._changed:
            self._closing = True
            waiting = [*self._queue]
            self._queue.clear()
        for job in waiting:
            self._fail(job, shutting_down())

    def stop(self) -> None:
        """End all jobs with an error, and the thread. It does not wait for the thread; `join` does."""
        self.close_queue()
        with self._changed:
            self._stopping = True
            self._changed.notify()

    def join(self, seconds: float) -> None:
        """Wait for the thread to end, at most so many seconds."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        """The body of the thread."""
        try:
            served = self._load()
            self._slots = self._slots or served.default_slots()
            from pybpe.gpt.batching import Engine

            engine = Engine(served.network, self._slots)
        except BaseException as error:
            self.failure = error
            self._on_failure()
            return
        self.served = served
        while self._wait(engine):
            self._take_results(engine)
            self._drop(engine)
            self._admit(engine)
            self._step(engine)
        for job in [*self._running]:
            self._fail(job, shutting_down())
            self._leave(engine, job)

    def _wait(self, engine: Engine) -> bool:
        """Sleep until there is something to do. Returns False if the thread shall end."""
        with self._changed:
            while not self._stopping:
                ready = any(job.row is not None and not job.row.waiting for job in self._running)
                if ready or self._results or self._cancelled or (self._queue and engine.free):
                    return True
                self._changed.wait()
            return False

    def _take_results(self, engine: Engine) -> None:
        """Give the results of code to the jobs that wait for them."""
        with self._changed:
            results = [*self._results]
            self._results.clear()
        for job, result in results:
            forced = job.forced
            if job.ended or job.cancelled:
                continue
            if result is None:
                self._fail(job, ApiError(500, "the sandbox failed; see the log of the server", "tool_failed"))
            else:
                self._guard(job, partial(job.output, result))
                self.metrics.add("forced_tokens", job.forced - forced)
            if job.ended:
                self._leave(engine, job)

    def _drop(self, engine: Engine) -> None:
        """Close the rows of jobs that were cancelled or have taken too long."""
        with self._changed:
            self._cancelled = False
            now = time.monotonic()
            expired = [job for job in (*self._queue, *self._running) if job.deadline < now and not job.cancelled]
            for job in expired:
                if job in self._queue:
                    self._queue.remove(job)
        for job in expired:
            self._fail(job, ApiError(503, "the answer took longer than the server allows", "request_timeout"))
        for job in [*self._running]:
            if job.cancelled or job.ended:
                self._leave(engine, job)

    def _admit(self, engine: Engine) -> None:
        """Open rows for the jobs that wait, while slots are free."""
        while engine.free:
            with self._changed:
                if not self._queue:
                    return
                job = self._queue.popleft()
                self._running.append(job)
            self._guard(job, partial(self._open, engine, job))
            if job.ended:
                self._leave(engine, job)

    def _open(self, engine: Engine, job: Job) -> None:
        job.row = engine.open(job.prompt, job.sampling, seed=job.seed, top_logprobs=job.top_logprobs or 0)
        job.ban()
        self.metrics.add("prompt_tokens", len(job.prompt))
        self.metrics.add("reused_tokens", job.row.reused)
        if job.follower.code is not None:  # an answer that is continued after its code
            job.row.waiting = True
            self._run_code(job)

    def _step(self, engine: Engine) -> None:
        """Generate one token of each row that is read to its end."""
        by_row = {id(job.row): job for job in self._running}
        try:
            found = engine.step() if self._running else []
        except Exception as error:  # of torch, such as no memory; no row can be trusted after it
            _log.exception("a step of the model failed")
            for job in [*self._running]:
                self._fail(job, ApiError(500, f"the model failed: {type(error).__name__}", "model_failed"))
                self._leave(engine, job)
            return
        self.metrics.add("chosen_tokens", len(found))
        for chosen in found:
            job = by_row[id(chosen.row)]
            if not job.chosen:
                self.metrics.first_token(time.monotonic() - job.begun)
            self._guard(job, partial(job.take, chosen))
            if not job.ended and job.follower.code is not None:
                self._run_code(job)
        for job in [*self._running]:
            if job.row is not None and job.row.error is not None:
                self._fail(job, ApiError(500, f"the model failed: {job.row.error}", "model_failed"))
            if job.ended:
                self._leave(engine, job)

    def _run_code(self, job: Job) -> None:
        """Run the code that an answer waits for, in a thread of the pool."""
        code, tool = job.follower.code, self.tool

        def work() -> None:
            result = None
            try:
                if tool is not None and code is not None and not job.cancelled:
                    result = run_tool(tool, code, self._tool_seconds)
            except Exception:
                _log.exception("the sandbox failed")
            self.metrics.add("tool_runs")
            self.metrics.add("tool_failures", int(result is None or not result.success))
            with self._changed:
                self._results.append((job, result))
                self._changed.notify()

        try:
            self._pool.submit(work)
        except RuntimeError:  # the server is ending
            self._fail(job, shutting_down())

    def _guard(self, job: Job, action: Callable[[], object]) -> None:
        """Do something for a job; an unexpected error ends this job alone."""
        try:
            action()
        except Exception:
            _log.exception("an answer failed")
            self._fail(job, ApiError(500, "the answer failed; see the log of the server", "internal_error"))

    def _fail(self, job: Job, error: ApiError) -> None:
        if not job.ended:
            self.metrics.add("answers_failed")
        job.fail(error)

    def _leave(self, engine: Engine, job: Job) -> None:
        """Close the row of a job that has ended or was cancelled."""
        if job.row is not None:
            engine.close(job.row)
        with self._changed:
            self._running.remove(job)
        if not job.ended:
            self.metrics.add("answers_cancelled")
        elif job.error is None:
            self.metrics.add("answers_finished")
