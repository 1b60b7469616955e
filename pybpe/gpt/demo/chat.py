"""Make a chat demo: from a text to a model that counts letters and adds numbers by writing Python.

    shards/               the ids of the text, in the sets train and val
    base/                 the run that pretrained a model on the shards
    conversations.jsonl   the curriculum
    run.json, tokenizer.pybpe, model.safetensors, ...
                          the run that fine-tuned the model on the curriculum
    report.html           the report

`pybpe demo --chat` calls this module, which prints nothing itself. It needs torch.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch

from pybpe import sandbox
from pybpe.data.readers.documents import TEXT_FIELD
from pybpe.gpt.answering import ChatModel, open_chat
from pybpe.gpt.chat_evaluation import Attempt, attempt_all
from pybpe.gpt.curriculum import make_questions, write_curriculum
from pybpe.gpt.demo.chat_page import write_chat_report
from pybpe.gpt.demo.chat_recipe import SHOWN, Recipe
from pybpe.gpt.demo.chat_results import ChatResults, Tested
from pybpe.gpt.demo.stages import Stages, StageWatcher
from pybpe.gpt.finetune.run import finetune
from pybpe.gpt.finetune.start import chat_tokenizer, start_checkpoint
from pybpe.gpt.generation import Inference
from pybpe.gpt.inference import Model
from pybpe.gpt.pretrain import TrainingStep
from pybpe.gpt.runs.folder import REPORT, write_run
from pybpe.gpt.runs.page import RunResults, write_run_report
from pybpe.gpt.runs.run import Watcher as RunWatcher
from pybpe.gpt.runs.run import start_run
from pybpe.tokenizer import Tokenizer
from pybpe.util.files import atomic_folder

BASE, CONVERSATIONS = "base", "conversations.jsonl"
DEVICE = "cpu"  # a model as small as this gains nothing from a GPU
BACKEND = (
    "none"  # of the sandbox: all code of right answers is a sum or a method of a string, which it computes exactly
)


@dataclass(frozen=True)
class ChatDemoSettings:
    """The settings of a chat demo.

    corpus: a text file, None for the help topics that are part of Python. folder: where to write. seconds: time limit
    of pretraining and of fine-tuning, each (None: no limit). threads: of torch (None: its own choice). text_field: see
    read_corpus.
    """

    corpus: Path | None
    folder: Path
    recipe: Recipe
    seconds: float | None = None
    threads: int | None = None
    text_field: str = TEXT_FIELD


class ChatWatcher(StageWatcher):
    """Callbacks for the progress of a chat demo. They do nothing here: override those that you need."""

    def step(self, step: TrainingStep, results: RunResults) -> None:
        """Called after each step of pretraining and of fine-tuning."""

    def answered(self, attempt: Attempt, trained: bool) -> None:
        """Called with each answer to the questions of SHOWN, before or after fine-tuning."""


def run_chat_demo(settings: ChatDemoSettings, watcher: ChatWatcher) -> ChatResults:
    """Run a chat demo and write its folder, completely or not at all.

    Ctrl-C during pretraining or fine-tuning ends that stage, and the demo continues with the model so far. SIGTERM
    during pretraining acts as at any other time; during fine-tuning, the model is kept and not tested. Raises the
    errors of reading and training.
    """
    target = settings.folder.resolve()
    with atomic_folder(target) as folder:
        demo = _ChatDemo(settings, watcher, folder)
        corpus = demo.read(settings.corpus, settings.text_field)
        tokenizer = demo.make_tokenizer(corpus, settings.recipe.vocab_size)
        demo.make_shards(corpus, tokenizer)
        base = demo.pretrain(tokenizer)
        demo.make_curriculum()
        before = demo.test_base(tokenizer)
        chat = demo.finetune()
        after = None if chat.stopped == "terminate" else demo.test_chat()
        _move(base, folder, target, BASE)
        _move(chat, folder, target, "")
        write_run_report(folder / BASE / REPORT, base, target / BASE)
        results = ChatResults(corpus, base, chat, settings.recipe.n_conversations, before, after, demo.stages)
        write_chat_report(folder / REPORT, results, settings.folder)
    return results


class _ChatDemo(Stages):
    """The stages of a chat demo. Each is timed, and calls the watcher."""

    def __init__(self, settings: ChatDemoSettings, watcher: ChatWatcher, folder: Path) -> None:
        super().__init__(folder, watcher)
        self._recipe, self._threads, self._seconds = settings.recipe, settings.threads, settings.seconds
        self._watcher = watcher

    def pretrain(self, tokenizer: Tokenizer) -> RunResults:
        """Train a model on the shards. SIGTERM ends the demo, because the model cannot talk yet."""
        settings = self._recipe.pretraining
        with self.stage("pretrain", "tokens") as stage:
            results = start_run(
                *(self.folder / BASE, settings, [self.folder / "shards"], tokenizer),
                *(_Steps(self._watcher), self._threads),
                seconds=self._seconds,
            )
            stage.amount = results.steps * settings.batch_size * settings.accumulate * settings.block_size
        if results.stopped == "terminate":
            signal.raise_signal(signal.SIGTERM)
        self._watcher.found(_loss(results))
        return results

    def make_curriculum(self) -> None:
        """Write the conversations to fine-tune on."""
        recipe, path = self._recipe, self.folder / CONVERSATIONS
        with self.stage("curriculum") as stage:
            write_curriculum(path, recipe.n_conversations, recipe.seed, recipe.scope)
            stage.amount = path.stat().st_size
        self._watcher.found(f"{recipe.n_conversations:,} conversations")

    def finetune(self) -> RunResults:
        """Train the pretrained model on the conversations."""
        with self.stage("finetune", "tokens") as stage:
            results = finetune(
                *(self.folder / BASE, [self.folder / CONVERSATIONS], self.folder, self._recipe.finetuning),
                watcher=_Steps(self._watcher),
                threads=self._threads,
                seconds=self._seconds,
            )
            settings = results.run.settings
            stage.amount = results.steps * settings.batch_size * settings.accumulate * settings.block_size
        self._watcher.found(_loss(results))
        return results

    def test_base(self, tokenizer: Tokenizer) -> Tested:
        """Test the pretrained model, with embeddings of the chat tokens that are not trained yet."""
        network = Inference.of(start_checkpoint(self.folder / BASE, self._recipe.seed), DEVICE)
        model = ChatModel(Model(network, chat_tokenizer(tokenizer)))
        return self._test("test before", model, self._recipe.questions_before)

    def test_chat(self) -> Tested:
        """Test the fine-tuned model."""
        return self._test("test after", open_chat(self.folder, DEVICE), max(self._recipe.questions.values()))

    def _test(self, name: str, model: ChatModel, most: int) -> Tested:
        """Return a model's answers to at most `most` questions of each test set, and to those of SHOWN."""
        recipe, attempts, done = self._recipe, {}, 0
        numbers = {test_set: min(n, most) for test_set, n in recipe.questions.items()}
        total = sum(numbers.values())
        with self.stage(name, "questions") as stage, one_thread(), sandbox.open_sandbox(BACKEND) as runner:
            shown = attempt_all(model, SHOWN, runner)
            for attempt in shown:
                self._watcher.answered(attempt, trained=name == "test after")
            for test_set, n in numbers.items():
                questions = make_questions(test_set, n, recipe.seed, recipe.scope)
                attempts[test_set] = attempt_all(model, questions, runner, partial(self._answered, name, done, total))
                done += n
            stage.amount = total + len(SHOWN)
        tested = Tested(attempts, shown)
        for test_set, found in tested.scores.items():
            self._watcher.found(f"{test_set}: {found.exact_calls:.1%} exact calls, {found.right:.1%} right answers")
        return tested

    def _answered(self, stage: str, before: int, total: int, done: int) -> None:
        self._watcher.progress(stage, before + done, total)


@contextmanager
def one_thread() -> Iterator[None]:
    """A context in which torch uses one thread: steps of generation are too short to be shared."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class _Steps(RunWatcher):
    """The watcher of a run, which calls that of the demo."""

    def __init__(self, watcher: ChatWatcher) -> None:
        self._watcher = watcher

    def step(self, step: TrainingStep, results: RunResults) -> None:
        """Called after each step of training."""
        self._watcher.step(step, results)


def _loss(results: RunResults) -> str:
    interrupted = "interrupted after " * (results.stopped == "interrupt")
    return f"{interrupted}{results.steps:,} steps, held-out loss {results.loss:.2f} nats per token"


def _move(results: RunResults, folder: Path, target: Path, name: str) -> None:
    """Write the run.json of a run in `folder` / `name` again, with the paths that it has when `folder` is `target`."""

    def moved(path: str) -> str:
        return str(target / Path(path).relative_to(folder.resolve()))

    settings, data = results.run.settings, [moved(path) for path in results.run.data]
    settings = replace(settings, init=moved(settings.init) if settings.init else "")
    results.run = replace(results.run, settings=settings, data=data)
    write_run(results.run, folder / name)
