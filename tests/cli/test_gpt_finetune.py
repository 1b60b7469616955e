"""`pybpe gpt finetune` and `pybpe gpt show-chat`: what they print, how a run ends and goes on, and what is refused."""

import json
import re
import signal
import sys
from pathlib import Path

import pytest

from pybpe.cli.gpt_screen import Screen
from pybpe.cli.main import main

CHATS = [
    {
        "messages": [
            {"role": "user", "content": f"what is {number}?"},
            {
                "role": "assistant",
                "content": [
                    {"type": "text", "text": "the cat [sat]\n"},
                    {"type": "python", "text": f"{number}+1"},
                    {"type": "output", "text": str(number + 1)},
                ],
            },
        ]
    }
    for number in range(20)
]
NEW = (
    *("gpt", "finetune", "new", "chats.jsonl", "-t", "corpus.pybpe", "--n-layer", "1", "--n-head", "2"),
    *("--n-embd", "16", "--block-size", "64", "--batch-size", "2", "--device", "cpu", "--threads", "1"),
)


@pytest.fixture
def chats(tokenizer):
    path = Path("chats.jsonl")
    path.write_text("".join(json.dumps(each) + "\n" for each in CHATS), encoding="utf-8")
    return path


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="torch is not installed: pip install '.[gpt]'")


def press_at(monkeypatch, number, at):
    step = Screen.step

    def press(self, made, results):
        step(self, made, results)
        if made.step == at:
            signal.raise_signal(number)

    monkeypatch.setattr(Screen, "step", press)


def test_a_new_model_then_from_it_then_on(torch, chats, capsys):
    assert main([*NEW, "--steps", "6", "--eval-every", "4", "-o", "first", "--held-out", "0.1"]) == 0
    captured = capsys.readouterr()
    assert "training the torch GPT" in captured.err
    assert re.search(r"conversations +18 to train on, 2 held out", captured.out)
    assert re.search(r"rows +\d+ of 65 tokens, [\d.]+% of them in use", captured.out)
    assert "next:  pybpe gpt chat first" in captured.out
    few = ("--epochs", "0.5", "--device", "cpu", "--threads", "1", "--batch-size", "2", "--seed", "3")
    assert main(["gpt", "finetune", "first", "chats.jsonl", *few]) == 0  # into first-chat
    assert main(["gpt", "finetune", "--resume", "first-chat", "--steps", "9"]) == 0
    assert " 9 steps" in capsys.readouterr().out
    for again in (("finetune",), ("train",)):  # both continue it
        assert main(["gpt", *again, "--resume", "first-chat", "--steps", "10"]) == 0
    capsys.readouterr()
    assert main(["gpt", "sample", "first-chat", "--tokens", "5", "--prompt", "the "]) == 0
    capsys.readouterr()
    assert main(["gpt", "eval", "first-chat", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    measured = json.loads(Path("first-chat/metrics.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    assert facts["loss"] == pytest.approx(measured["val_loss"], rel=1e-5)
    assert facts["bits_per_byte"] == pytest.approx(measured["val_bits_per_byte"], rel=1e-5)
    assert (facts["windows"], facts["steps"]) == (1, 10)


def test_a_prepared_run_is_started_by_what_is_printed(torch, chats, capsys):
    assert main([*NEW, "--steps", "2", "-o", "run", "--prepare", "--accumulate", "2"]) == 0
    assert "next:  torchrun --nproc_per_node=2 -m pybpe.gpt.train run" in capsys.readouterr().out
    assert sorted(path.name for path in Path("run").iterdir()) == ["run.json", "tokenizer.pybpe"]
    assert main(["gpt", "finetune", "--resume", "run"]) == 0
    assert Path("run", "answers.json").exists()


def test_eval_without_held_out_conversations(torch, chats, capsys):
    assert main([*NEW, "--steps", "2", "-o", "run", "--held-out", "0"]) == 0
    capsys.readouterr()
    assert main(["gpt", "eval", "run"]) == 0
    printed = capsys.readouterr().out
    assert "the conversations it was trained on, because none were held out" in printed
    assert "what the assistant says in 20 conversations" in printed


@pytest.mark.parametrize(
    ("number", "status", "told"),
    [(signal.SIGINT, 0, "interrupted after 3 of 8 steps"), (signal.SIGTERM, 143, "what was learned in 3 of 8 steps")],
)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM that a process can catch")
def test_a_signal_leaves_a_checkpoint(torch, chats, capsys, monkeypatch, number, status, told):
    with monkeypatch.context() as patched:
        press_at(patched, number, 3)
        assert main([*NEW, "--steps", "8", "-o", "run"]) == status
    captured = capsys.readouterr()
    assert told in captured.err
    assert "pybpe gpt finetune --resume run" in captured.out
    assert main(["gpt", "finetune", "--resume", "run"]) == 0
    assert "continuing after step 3" in capsys.readouterr().err


def test_a_time_limit_leaves_a_checkpoint(torch, chats, capsys):
    assert main([*NEW, "--steps", "1000000", "-o", "run", "--seconds", "0.3"]) == 0
    captured = capsys.readouterr()
    assert "the time limit ended training" in captured.err
    assert main(["gpt", "finetune", "--resume", "run", "chats.jsonl", "--seconds", "0.1"]) == 0


@pytest.mark.parametrize(
    ("status", "arguments", "message"),
    [
        (2, [], "name the model to start from and the conversations"),
        (2, ["new"], "name the model to start from and the conversations"),
        (2, ["new", "chats.jsonl"], "a new model needs a tokenizer"),
        (2, ["nowhere", "chats.jsonl"], "there is no folder nowhere"),
        (2, [".", "chats.jsonl", "-t", "corpus.pybpe"], "leave out --tokenizer"),
        (2, [".", "chats.jsonl", "--n-layer", "2"], "leave out --n-layer"),
        (2, ["new", "chats.jsonl", "-t", "corpus.pybpe", "--steps", "2", "--epochs", "1"], "leave out one"),
        (2, ["--resume", "run", "--lr", "1"], "leave out --lr"),
        (2, ["--resume", "run", "--epochs", "1"], "leave out --epochs"),
        (1, ["new", "chats.jsonl", "-t", "corpus.pybpe", "--held-out", "0.7"], r"held_out is 0\.7"),
        (1, ["new", "corpus.txt", "-t", "corpus.pybpe"], r"corpus\.txt, line 1: not JSON"),
        (1, ["new", "gone.jsonl", "-t", "corpus.pybpe"], "no such file"),
        (1, [".", "chats.jsonl"], "not the folder of a model"),
        (1, ["--resume", "nowhere"], r"holds no run\.json"),
    ],
)
def test_what_is_refused(torch, chats, fails, status, arguments, message):
    assert re.search(message, fails(status, "gpt", "finetune", *arguments))
    assert sorted(path.name for path in Path().iterdir()) == ["chats.jsonl", "corpus.pybpe", "corpus.txt"]


def test_a_run_on_text_goes_on_as_such(torch, chats, fails):
    small = ("--n-layer", "1", "--n-head", "2", "--n-embd", "8", "--block-size", "8", "--steps", "2")
    assert main(["gpt", "train", "corpus.txt", *small, "-o", "run"]) == 0
    told = fails(2, "gpt", "finetune", "--resume", "run")
    assert "is not a run on conversations; continue it with: pybpe gpt train --resume run" in told
    assert "vocabulary of single characters" in fails(1, "gpt", "finetune", "run", "chats.jsonl")


def test_an_earlier_run_is_replaced_only_where_that_is_asked(torch, chats, fails):
    assert main([*NEW, "--steps", "2", "-o", "run"]) == 0
    assert "--force" in fails(1, *NEW, "--steps", "2", "-o", "run")
    assert main([*NEW, "--steps", "3", "-o", "run", "--force"]) == 0
    assert "is the model to start from" in fails(1, "gpt", "finetune", "run", "chats.jsonl", "-o", "run", "--force")


def test_show_chat_marks_what_is_trained_on(chats, capsys):
    assert main(["gpt", "show-chat", "chats.jsonl", "-t", "corpus.pybpe", "--first", "2"]) == 0
    captured = capsys.readouterr()
    assert "the tokenizer lacks 9 of the chat tokens; they get ids from 301 on" in captured.err
    lines = captured.out.splitlines()
    assert [line for line in lines if "conversation" in line][1].startswith("conversation 2: ")
    assert len([line for line in lines if line.startswith("conversation")]) == 2
    assert lines[1:4] == [
        "<|bos|>",
        "<|user_start|>what·is·0?<|user_end|>",
        "<|assistant_start|>[the·cat·[sat]↵<|python_start|>0+1<|python_end|>]<|output_start|>1<|output_end|>"
        "[<|assistant_end|>]",
    ]


def test_show_chat_ids_are_those_of_the_format(chats, capsys, tokenizer):
    from pybpe.gpt.conversation import CHAT_TOKENS, ChatFormat, parse_conversation

    tokenizer.with_special_tokens(CHAT_TOKENS).save("chat.pybpe")
    assert main(["gpt", "show-chat", "chats.jsonl", "-t", "chat.pybpe", "--ids", "--first", "1"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    shown = " ".join(captured.out.split("\n\n")[0].splitlines()[1:])
    ids, mask, inside = [], [], False
    for word in shown.split():
        inside |= word.startswith("[")
        ids.append(int(word.strip("[]")))
        mask.append(int(inside))
        inside &= not word.endswith("]")
    chat = ChatFormat(tokenizer.with_special_tokens(CHAT_TOKENS))
    assert (ids, mask) == chat.encode(parse_conversation(CHATS[0]))
    assert f"{len(ids):,} tokens, {sum(mask):,} of them trained on" in captured.out


def test_show_chat_in_colour_has_no_brackets(chats, capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    assert main(["gpt", "show-chat", "chats.jsonl", "-t", "corpus.pybpe", "--first", "1", "--ids"]) == 0
    printed = capsys.readouterr().out
    assert "\x1b[" in printed
    assert "[3" not in re.sub(r"\x1b\[[\d;]*m", "", printed)


def test_show_chat_is_safe_to_read(chats, capsys, fails):
    """Control characters of a text are escaped."""
    chats.write_text(json.dumps([{"role": "user", "content": "a\x1b[2J\u202e"}]) + "\n", encoding="utf-8")
    assert main(["gpt", "show-chat", "chats.jsonl", "-t", "corpus.pybpe"]) == 0
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "\u202e" not in printed
    chats.write_text('{"messages": 1}\n', encoding="utf-8")
    assert "chats.jsonl, line 1: a conversation must be" in fails(
        1, "gpt", "show-chat", "chats.jsonl", "-t", "corpus.pybpe", told=True
    )
    assert "no such file" in fails(1, "gpt", "show-chat", "gone.jsonl", "-t", "corpus.pybpe", told=True)
