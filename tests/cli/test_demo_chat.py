"""`pybpe demo --chat` as a command; tests/gpt/test_chat_demo.py tests what its model learns."""

import dataclasses
import json
import signal
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install '.[gpt]'")

from pybpe import Tokenizer  # noqa: E402
from pybpe.cli.demo_chat_screen import ChatScreen  # noqa: E402
from pybpe.cli.main import main  # noqa: E402
from pybpe.gpt.conversation import CHAT_TOKENS  # noqa: E402
from pybpe.gpt.demo import chat_recipe  # noqa: E402
from pybpe.gpt.inference import open_model  # noqa: E402

MADE = sorted(
    [
        *("answers.json", "base", "best.safetensors", "conversations.jsonl", "metrics.jsonl", "model.safetensors"),
        *("report.html", "run.json", "shards", "tokenizer.pybpe"),
    ]
)
QUICK = ("--steps", "3", "--vocab-size", "280")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """A recipe of a tiny model, few conversations and few questions, short answers, and one thread."""
    monkeypatch.setattr("pybpe.gpt.chat_evaluation.MOST_TOKENS", 6)
    monkeypatch.setattr("pybpe.gpt.finetune.answers.ANSWER_TOKENS", 6)
    monkeypatch.setattr("pybpe.gpt.runs.run.SAMPLE_TOKENS", 6)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    recipe, shape = chat_recipe.RECIPE, {"n_layer": 1, "n_head": 2, "n_embd": 16, "batch_size": 2, "eval_windows": 4}
    recipe = dataclasses.replace(
        recipe,
        pretraining=dataclasses.replace(recipe.pretraining, **shape),
        finetuning={**recipe.finetuning, "batch_size": 2, "eval_windows": 4},
        n_conversations=30,
        questions={"words": 3, "sums": 2, "templates": 2},
        questions_before=2,
    )
    monkeypatch.setattr(chat_recipe, "RECIPE", recipe)
    yield
    torch.set_num_threads(threads)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_folder_is_that_of_a_run_that_talks(corpus, capsys):
    assert main(["demo", "corpus.txt", "--chat", *QUICK]) == 0
    folder = Path("pybpe-demo")
    assert names(folder) == MADE
    model = open_model(folder)
    assert (model.step, model.n_ctx) == (3, 256)
    assert model.vocabulary.special_tokens.keys() == {"<|endoftext|>", *CHAT_TOKENS}
    base = open_model(folder / "base")
    assert (base.step, base.vocabulary) == (3, Tokenizer.load(folder / "base" / "tokenizer.pybpe"))
    assert len((folder / "conversations.jsonl").read_text(encoding="utf-8").splitlines()) == 30
    captured = capsys.readouterr()
    assert "3 steps on text, 3 steps on conversations" in captured.out
    assert "right answers to 3 new questions" in captured.out
    assert "pybpe gpt chat pybpe-demo" in captured.out
    for line in ("asking the model before fine-tuning", "words: ", "How many r are in 'strawberry'?"):
        assert captured.err.count(line) == (1 if "before" in line else 2)


def test_no_path_of_the_folder_while_it_was_made_is_left(corpus):
    """The demo is made in a temporary folder, so its runs must be told where they lie then."""
    assert main(["demo", "corpus.txt", "--chat", *QUICK, "-o", "here"]) == 0
    folder = Path("here").resolve()
    chat, base = (json.loads((folder / name).read_text(encoding="utf-8")) for name in ("run.json", "base/run.json"))
    assert chat["data"] == [str(folder / "conversations.jsonl")]
    assert chat["settings"]["init"] == str(folder / "base")
    assert base["data"] == [str(folder / "shards")]
    for path in folder.rglob("*"):
        assert not path.is_file() or b".here." not in path.read_bytes(), path


def test_the_run_can_be_continued(corpus):
    assert main(["demo", "corpus.txt", "--chat", *QUICK]) == 0
    Path("pybpe-demo").rename("moved")
    for folder in ("moved", "moved/base"):
        assert main(["gpt", "train", "--resume", folder, "--steps", "5"]) == 0
        assert open_model(folder).step == 5


def test_the_same_seed_gives_the_same_model(corpus):
    for folder, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert main(["demo", "corpus.txt", "--chat", *QUICK, "-o", folder, "--seed", seed]) == 0
    weights = [open_model(folder).network.model.wte.weight for folder in "abc"]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    files = [Path(folder, "conversations.jsonl").read_bytes() for folder in "abc"]
    assert files[0] == files[1] != files[2]


def test_an_earlier_demo_of_either_kind_stays_unless_forced(corpus, fails):
    chat, plain = ("demo", "corpus.txt", "--chat", *QUICK), ("demo", "corpus.txt", *QUICK)
    assert main(chat) == 0
    Path("pybpe-demo/mine.txt").write_text("mine", encoding="utf-8")
    for command in (chat, plain):
        assert "--force" in fails(1, *command)
    assert main([*plain, "--force"]) == 0
    rest = ["base", "conversations.jsonl", "mine.txt", "metrics.jsonl", "model.safetensors", "report.html", "run.json"]
    assert names(Path("pybpe-demo")) == sorted([*rest, "shards", "tokenizer.pybpe"])
    assert open_model("pybpe-demo").step == 3
    assert main([*chat, "--force"]) == 0
    assert names(Path("pybpe-demo")) == sorted([*MADE, "mine.txt"])
    assert Path("pybpe-demo/mine.txt").read_text(encoding="utf-8") == "mine"


def test_without_torch(corpus, fails, monkeypatch):
    for name in [name for name in sys.modules if name.startswith(("torch.", "pybpe.gpt.demo.chat"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert "pip install 'pybpe[gpt]'" in fails(1, "demo", "corpus.txt", "--chat")
    assert names(Path()) == ["corpus.txt"]


@pytest.mark.parametrize("stage", ["curriculum", "test before", "test after"])
def test_ctrl_c_between_trainings_leaves_nothing(corpus, fails, monkeypatch, stage):
    def interrupt(self, begun):
        if begun == stage:
            raise KeyboardInterrupt

    monkeypatch.setattr(ChatScreen, "begins", interrupt)
    assert "nothing was written" in fails(130, "demo", "corpus.txt", "--chat", *QUICK, told=True)
    assert names(Path()) == ["corpus.txt"]


def stop_at(monkeypatch, number, sent):
    """Send a signal after the first step of the training with this number, 0 or 1."""
    trainings, step_of = [], ChatScreen.step

    def step(self, step, results):
        step_of(self, step, results)
        if step.step == 1:
            trainings.append(results)
            if len(trainings) == number + 1:
                signal.raise_signal(sent)

    monkeypatch.setattr(ChatScreen, "step", step)


@pytest.mark.parametrize("number", [0, 1])
def test_ctrl_c_ends_a_training_and_the_demo_goes_on(corpus, monkeypatch, capsys, number):
    stop_at(monkeypatch, number, signal.SIGINT)
    assert main(["demo", "corpus.txt", "--chat", *QUICK]) == 0
    steps = [open_model(folder).step for folder in ("pybpe-demo/base", "pybpe-demo")]
    assert steps == [1 if number == place else 3 for place in range(2)]
    page, errors = Path("pybpe-demo/report.html").read_text(encoding="utf-8"), capsys.readouterr().err
    assert "interrupted after 1 steps" in errors
    assert ("Fine-tuning was interrupted after 1 of 3 steps" in page) == (number == 1)


def test_sigterm_while_it_pretrains_leaves_nothing(corpus, fails, monkeypatch):
    stop_at(monkeypatch, 0, signal.SIGTERM)
    assert "nothing was written" in fails(143, "demo", "corpus.txt", "--chat", *QUICK, told=True)
    assert names(Path()) == ["corpus.txt"]


def test_sigterm_while_it_is_fine_tuned_keeps_the_model(corpus, fails, monkeypatch):
    stop_at(monkeypatch, 1, signal.SIGTERM)
    assert (
        "what was learned in 1 steps of fine-tuning is kept in pybpe-demo"
        in fails(143, "demo", "corpus.txt", "--chat", *QUICK, told=True).splitlines()[-1]
    )
    assert names(Path("pybpe-demo")) == [name for name in MADE if name != "best.safetensors"]  # no loss was measured
    assert open_model("pybpe-demo").step == 1
    assert "not tested" in Path("pybpe-demo/report.html").read_text(encoding="utf-8")


def test_the_time_limit_is_that_of_each_training(corpus, capsys):
    assert main(["demo", "corpus.txt", "--chat", "--vocab-size", "280", "--seconds", "0.000001"]) == 0
    assert open_model("pybpe-demo").step == open_model("pybpe-demo/base").step == 1
