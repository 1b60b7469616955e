"""The chat demo learns: a short form of it, on few letters, with a bar of its own.

The whole demo takes minutes; `python scripts/chat_figures.py FOLDER` runs it and prints its figures.
"""

import dataclasses
import re
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install '.[gpt]'")

from pybpe import sandbox  # noqa: E402
from pybpe.gpt.chat_evaluation import attempt_all, score  # noqa: E402
from pybpe.gpt.conversation import ChatFormat  # noqa: E402
from pybpe.gpt.curriculum import Scope, make_questions  # noqa: E402
from pybpe.gpt.demo.chat import ChatDemoSettings, ChatWatcher, run_chat_demo  # noqa: E402
from pybpe.gpt.demo.chat_page import render_chat  # noqa: E402
from pybpe.gpt.demo.chat_recipe import RECIPE  # noqa: E402
from pybpe.gpt.inference import open_model  # noqa: E402

SCOPE = Scope(topics=("count",), letters="abcdef", real_words=False, word_lengths=(3, 5), templates=1, plain=True)
SHAPE = {"n_layer": 2, "n_head": 2, "n_embd": 64, "block_size": 80, "eval_windows": 32}
SHORT = dataclasses.replace(
    RECIPE,
    pretraining=dataclasses.replace(RECIPE.pretraining, **SHAPE, steps=100, eval_every=50),
    finetuning={**RECIPE.finetuning, "steps": 1500, "eval_every": 500, "eval_windows": 32},
    n_conversations=3000,
    questions={"words": 100},
    questions_before=20,
    scope=SCOPE,
)


class Told(ChatWatcher):
    """Keeps what the demo says."""

    def __init__(self):
        self.stages, self.found_, self.answers = [], [], []

    def begins(self, stage):
        self.stages.append(stage)

    def found(self, result):
        self.found_.append(result)

    def answered(self, attempt, trained):
        self.answers.append((attempt, trained))


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The folder, the results, and what the watcher was told. About 30 s of one processor."""
    folder, told = tmp_path_factory.mktemp("demo") / "chat", Told()
    text = tmp_path_factory.mktemp("text") / "corpus.txt"
    text.write_text("".join(f"Line {number} is a line of the text.\n" for number in range(1000)), encoding="utf-8")
    return folder, run_chat_demo(ChatDemoSettings(text, folder, SHORT, threads=1), told), told


def test_it_counts_letters_of_words_that_it_never_saw(demo):
    folder, results, _ = demo
    before, after = results.before.scores["words"], results.after.scores["words"]
    assert (before.n, before.exact_calls) == (20, 0)
    assert after.n == 100
    assert after.exact_calls >= 0.9
    assert after.right >= 0.9


def test_the_folder_gives_these_answers(demo):
    """With other questions than those of the demo."""
    model = open_model(demo[0], "cpu")
    with sandbox.open_sandbox("none") as runner:
        questions = make_questions("words", 50, 1, SCOPE)
        found = score(attempt_all(model.network, ChatFormat(model.vocabulary), questions, runner))
    assert found.exact_calls >= 0.9
    assert found.right >= 0.9
