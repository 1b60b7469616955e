"""The chat demo learns: a short form of it, on few letters, with a bar of its own.

The whole demo takes minutes; `python scripts/chat_figures.py FOLDER` runs it and prints its figures.
"""

import dataclasses
import re
import shlex
from html.parser import HTMLParser
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install '.[gpt]'")

from pybpe import sandbox  # noqa: E402
from pybpe.gpt.answering import open_chat  # noqa: E402
from pybpe.gpt.chat_evaluation import attempt_all, score  # noqa: E402
from pybpe.gpt.conversation import Part  # noqa: E402
from pybpe.gpt.curriculum import Scope, held_out, make_questions, sum_key  # noqa: E402
from pybpe.gpt.curriculum_texts import COUNT_QUESTIONS_HELD_OUT  # noqa: E402
from pybpe.gpt.demo.chat import ChatDemoSettings, ChatWatcher, run_chat_demo  # noqa: E402
from pybpe.gpt.demo.chat_page import render_chat  # noqa: E402
from pybpe.gpt.demo.chat_recipe import RECIPE, SHOWN  # noqa: E402

SCOPE = Scope(topics=("count",), letters="abcdef", real_words=False, word_lengths=(3, 5), templates=1, plain=True)
FINETUNING_STEPS = 500
SHAPE = {"n_layer": 2, "n_head": 2, "n_embd": 64, "block_size": 128, "eval_windows": 32}
SHORT = dataclasses.replace(
    RECIPE,
    pretraining=dataclasses.replace(RECIPE.pretraining, **SHAPE, steps=60, eval_every=30),
    finetuning={**RECIPE.finetuning, "steps": FINETUNING_STEPS, "eval_every": 250, "eval_windows": 32},
    n_conversations=3000,
    questions={"words": 100},
    questions_before=20,
    scope=SCOPE,
)


class Told(ChatWatcher):
    """Keeps what the demo says."""

    def __init__(self):
        self.stages, self.answers, self.counted, self.steps = [], [], [], 0

    def begins(self, stage):
        self.stages.append(stage)

    def progress(self, stage, done, total):
        self.counted.append((stage, done, total))

    def step(self, step, results):
        self.steps += 1

    def answered(self, attempt, trained):
        self.answers.append((attempt, trained))


def test_the_short_demo(tmp_path):
    """One test, because several processes would each train for a fixture: about 30 s of one processor."""
    text, folder, told = tmp_path / "corpus.txt", tmp_path / "chat", Told()
    text.write_text("".join(f"Line {number} is a line of the text.\n" for number in range(1000)), encoding="utf-8")
    demo = folder, run_chat_demo(ChatDemoSettings(text, folder, SHORT, threads=1), told), told
    it_counts_letters_of_words_that_it_never_saw(demo)
    the_folder_gives_these_answers(demo)
    the_page_shows_answers_before_and_after(demo)
    the_page_loads_nothing_and_escapes_what_a_model_writes(demo)
    the_page_says_why_fine_tuning_ended(demo)
    the_watcher_is_told_everything(demo)


def it_counts_letters_of_words_that_it_never_saw(demo):
    _, results, _ = demo
    before, after = results.before.scores["words"], results.after.scores["words"]
    assert (before.n, before.exact_calls) == (20, 0)
    assert after.n == 100
    assert after.exact_calls >= 0.9
    assert after.right >= 0.9


def the_folder_gives_these_answers(demo):
    """With other questions than those of the demo."""
    model = open_chat(demo[0], "cpu")
    with sandbox.open_sandbox("none") as runner:
        questions = make_questions("words", 50, 1, SCOPE)
        found = score(attempt_all(model, questions, runner))
    assert found.exact_calls >= 0.9
    assert found.right >= 0.9


def the_page_shows_answers_before_and_after(demo):
    folder, results, _ = demo
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page == render_chat(results, folder)
    text = text_of(page)
    after = results.after.shown[0]
    assert f"{after.exchange.question} before fine-tuning" in text
    (code,) = [part.text for part in after.parts if part.kind == "python"]
    (output,) = [part.text for part in after.parts if part.kind == "output"]
    assert f"python {code} output {output} " in text
    assert f"{results.after.scores['words'].right:.1%} right answers, words" in text
    assert f"pybpe gpt chat {shlex.quote(str(folder))}" in text


def the_page_loads_nothing_and_escapes_what_a_model_writes(demo):
    _, results, _ = demo
    hostile = "<script>alert(1)</script>\x1b[31m<img src=x>"
    attempt = dataclasses.replace(
        results.before.shown[0], parts=tuple(Part(kind, hostile) for kind in ("text", "python", "output"))
    )
    tested = dataclasses.replace(results.before, shown=[attempt])
    page = render_chat(dataclasses.replace(results, before=tested, after=tested), Path("<b>"))
    assert not re.search(r"<script|<link|<img|@import|url\(|https?://|<b>\s*;|\x1b", page)
    assert page.count("&lt;script&gt;alert(1)") == 6
    for tag in ("div", "b", "table", "main", "svg", "p", "dl", "pre", "h2"):
        assert len(re.findall(rf"<{tag}[ >]", page)) == page.count(f"</{tag}>"), tag


def the_page_says_why_fine_tuning_ended(demo):
    folder, results, _ = demo
    for stopped, words in (
        ("interrupt", "interrupted"),
        ("seconds", "ended by its time limit"),
        ("terminate", "termin"),
    ):
        chat = dataclasses.replace(results.chat, stopped=stopped)
        page = render_chat(dataclasses.replace(results, chat=chat, after=None), folder)
        assert f"Fine-tuning was {words}" in page
        assert "not tested" in page
    assert "Fine-tuning was" not in render_chat(results, folder)


def test_the_questions_that_are_shown_are_new():
    counted, added, phrased = SHOWN[:3]
    for exchange in (counted, phrased):
        word, letter = re.fullmatch(r"'(\w+)'\.count\('(\w)'\)", exchange.code).groups()
        assert held_out(word)
        assert exchange.result == str(word.count(letter))
        assert word in exchange.question
    first, second = map(int, added.code.split(" + "))
    assert held_out(sum_key(first, second))
    assert added.result == str(first + second)
    template = phrased.question.replace("'qzvkzqz'", "{word}").replace("are z", "are {letter}")
    assert template in COUNT_QUESTIONS_HELD_OUT


def the_watcher_is_told_everything(demo):
    _, results, told = demo
    stages = ["read", "tokenizer", "encode", "pretrain", "curriculum", "test before", "finetune", "test after"]
    assert told.stages == stages == [stage.name for stage in results.stages]
    assert told.answers == [
        *((attempt, False) for attempt in results.before.shown),
        *((attempt, True) for attempt in results.after.shown),
    ]
    assert [attempt.exchange for attempt in results.before.shown] == [*SHOWN]
    assert told.steps == results.base.steps + results.chat.steps == 60 + FINETUNING_STEPS
    for name in ("test before", "test after"):
        done = [(count, total) for stage, count, total in told.counted if stage == name]
        assert done == [
            (min(count, total), total) for count, total in ([20, 20], [64, 100], [100, 100]) if total == done[0][1]
        ]


class _Text(HTMLParser):
    def __init__(self):
        super().__init__()
        self.parts = []

    def handle_data(self, data):
        self.parts.append(data)


def text_of(page):
    """The text of a page, with single spaces."""
    parser = _Text()
    parser.feed(page)
    return " ".join(" ".join(parser.parts).split())
