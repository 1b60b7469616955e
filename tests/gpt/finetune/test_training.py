"""Training on conversations: the masked loss, batches and processes that count by targets, and exact resume."""

import warnings

import numpy as np
import pytest
from safetensors.numpy import load_file

torch = pytest.importorskip("torch", reason="torch is not installed: pip install '.[gpt]'")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from pybpe.gpt.devices import ProcessGroup  # noqa: E402
from pybpe.gpt.finetune import rows  # noqa: E402
from pybpe.gpt.finetune.data import read_chat_data  # noqa: E402
from pybpe.gpt.finetune.run import finetune, prepare_finetune  # noqa: E402
from pybpe.gpt.finetune.start import chat_tokenizer  # noqa: E402
from pybpe.gpt.finetune.training import ChatTraining  # noqa: E402
from pybpe.gpt.inference import open_model  # noqa: E402
from pybpe.gpt.model import FORMS, GPT, IGNORED, GPTConfig  # noqa: E402
from pybpe.gpt.runs.folder import Metrics, Run, read_metrics, read_run  # noqa: E402
from pybpe.gpt.runs.run import Watcher, dry_run, resume_run  # noqa: E402
from pybpe.gpt.settings import FINETUNE_NEW, Settings  # noqa: E402

from ..runs import Stop, files, python  # noqa: E402
from .chats import SMALL, chat, write  # noqa: E402


def new_run(path, out, tokenizer, watcher=None, **changes):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of many passes over few conversations
        return finetune(None, [path], out, {**SMALL, **changes}, watcher or Watcher(), tokenizer=tokenizer, threads=1)


def training_of(path, tokenizer, folder, **changes):
    settings = Settings(**{**FINETUNE_NEW, **SMALL, "dtype": "float64", **changes})
    data = read_chat_data([path], chat_tokenizer(tokenizer), settings)
    run = Run(settings, [], "", data.vocabulary.fingerprint)
    return ChatTraining(run, data, folder, Metrics(), ProcessGroup())


@pytest.mark.parametrize("form", FORMS)
@given(targets=st.lists(st.integers(-1, 8), min_size=6, max_size=6).filter(lambda row: max(row) >= 0))
def test_the_loss_is_the_mean_over_targets_that_count(form, targets):
    torch.manual_seed(1)
    model = GPT(GPTConfig(n_vocab=9, n_layer=1, n_head=2, n_embd=8, block_size=6, **FORMS[form])).double()
    ids = torch.tensor([[1, 2, 3], [4, 5, 6]])
    logits = model(ids).log_softmax(-1).reshape(-1, 9)
    expected = [-logits[place, target].item() for place, target in enumerate(targets) if target != IGNORED]
    assert model(ids, torch.tensor(targets).view(2, 3)).item() == pytest.approx(np.mean(expected))


def test_rows_and_model_ignore_the_same_target():
    assert rows.IGNORED == IGNORED


@pytest.mark.parametrize("accumulate", [1, 3])
def test_a_step_is_the_mean_over_the_targets_of_all_its_batches(chats, tokenizer, tmp_path, accumulate):
    """Against a plain computation: each row alone, without padding, one log probability after another."""
    training = training_of(chats, tokenizer, tmp_path, accumulate=accumulate, clip=0.0)
    model, data, settings = training.model, training.chat_data, training.settings
    drawn, _ = data.rows.of_step(2, settings.batch_size * accumulate, settings.seed)
    losses = []
    for row in drawn:
        taken = data.conversations.take(row)
        logits = model(torch.from_numpy(taken.ids[:-1].astype(np.int64))[None]).log_softmax(-1)[0]
        losses += [-logits[place - 1, taken.ids[place]] for place in np.flatnonzero(taken.mask)]
    expected = torch.stack(losses).mean()
    expected.backward()
    gradients = {name: each.grad.clone() for name, each in model.named_parameters()}
    model.zero_grad()
    batches = training.batches(2)
    assert len(batches) == accumulate
    for ids, targets, divisor in batches:
        (model(ids, targets) / divisor).backward()
    for name, each in model.named_parameters():
        torch.testing.assert_close(each.grad, gradients[name])
    model.zero_grad()
    loss, _ = training.train_step(training.batches(2), 0.0)
    assert loss == pytest.approx(expected.item(), rel=1e-12)


def test_accumulated_batches_are_one_batch(chats, tokenizer, tmp_path):
    new_run(chats, tmp_path / "one", tokenizer, batch_size=6)
    new_run(chats, tmp_path / "many", tokenizer, batch_size=1, accumulate=6)
    one, many = (read_metrics(tmp_path / name, 12) for name in ("one", "many"))
    assert many.losses == pytest.approx(one.losses, abs=1e-4)
    assert np.array(many.val_losses) == pytest.approx(np.array(one.val_losses), abs=1e-4)


def test_the_held_out_loss_is_that_of_each_conversation_alone(chats, tokenizer, tmp_path):
    training = training_of(chats, tokenizer, tmp_path, held_out=0.4, eval_windows=7, batch_size=3)
    held_out = training.chat_data.held_out
    losses = []
    for number in range(7):
        taken = held_out.take([number])
        logits = training.model(torch.from_numpy(taken.ids[:-1].astype(np.int64))[None]).log_softmax(-1)[0]
        losses += [-logits[place - 1, taken.ids[place]].item() for place in np.flatnonzero(taken.mask)]
    assert training._evaluate(0) == pytest.approx(np.mean(losses), rel=1e-12)


def test_what_fills_a_row_changes_nothing(chats, tokenizer, tmp_path, monkeypatch):
    found = []
    for padding in (0, 99):
        monkeypatch.setattr("pybpe.gpt.finetune.rows.PADDING", padding)
        training = training_of(chats, tokenizer, tmp_path)
        found.append([training.train_step(training.batches(step), 1.0)[0] for step in range(4)])
    assert found[0] == found[1]


@pytest.mark.parametrize("stop_at", [1, 5, 11])
def test_an_interrupted_run_goes_on_digit_for_digit(chats, tokenizer, tmp_path, stop_at):
    changes = {"dropout": 0.2, "accumulate": 2, "sample_every": 6}
    whole = new_run(chats, tmp_path / "whole", tokenizer, **changes)
    half = new_run(chats, tmp_path / "half", tokenizer, Stop(stop_at), **changes)
    assert (half.interrupted, half.steps) == (True, stop_at)
    rest = resume_run(tmp_path / "half", Watcher(), 1)
    assert (rest.interrupted, rest.first_step) == (False, stop_at)
    assert files(tmp_path / "half") == files(tmp_path / "whole")
    assert rest.answers == whole.answers
    assert (tmp_path / "half" / "answers.json").read_bytes() == (tmp_path / "whole" / "answers.json").read_bytes()
    assert [step for step, _ in rest.metrics.samples] == [6, 12]


def test_a_run_from_a_model_goes_on_without_it(chats, tokenizer, tmp_path):
    """The checkpoint has all that is needed; only before the first one, the model to start from is read."""
    new_run(chats, tmp_path / "first", tokenizer, steps=2)
    for name, watcher in (("whole", Watcher()), ("half", Stop(3))):
        changes = {"steps": 8, "batch_size": 2, "save_every": 4, "eval_every": 4, "device": "cpu"}
        finetune(tmp_path / "first", [chats], tmp_path / name, changes, watcher, threads=1)
    (tmp_path / "first").rename(tmp_path / "elsewhere")
    resume_run(tmp_path / "half", Watcher(), 1)
    assert files(tmp_path / "half") == files(tmp_path / "whole")


def test_two_processes_are_one_with_twice_the_batch(chats, tokenizer, tmp_path):
    for name, changes in (("two", {"batch_size": 2, "accumulate": 2}), ("one", {"batch_size": 4})):
        settings = {**SMALL, "held_out": 0.2, **changes}
        prepare_finetune(None, [chats], tmp_path / name, settings, tokenizer=tokenizer)
    launch = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m", "pybpe.gpt.train")
    status, printed = python(*launch, tmp_path / "two", "--threads", "1")
    assert status == 0, printed
    resume_run(tmp_path / "one", Watcher(), 1)
    one, two = (read_metrics(tmp_path / name, 12) for name in ("one", "two"))
    assert two.losses == pytest.approx(one.losses, abs=1e-4)
    assert np.array(two.val_losses) == pytest.approx(np.array(one.val_losses), abs=1e-4)
    weights = [load_file(tmp_path / name / "model.safetensors")["wte.weight"] for name in ("one", "two")]
    assert np.abs(weights[0] - weights[1]).max() < 2e-3


def test_a_dry_run_is_of_rows(chats, tokenizer):
    settings = Settings(**{**FINETUNE_NEW, **SMALL, "batch_size": 4})
    found = dry_run(settings, [chats], chat_tokenizer(tokenizer), 1)
    assert found.tokens == 12 * 4 * 48
    assert found.n_params > 0


def test_ten_conversations_are_learned_and_answered(tokenizer, tmp_path):
    capitals = ["it is 0", "1 9 2", "the the", "of it", "3?", "7 7 7 7", "what", "is is", "8 it", "answer"]
    conversations = [
        chat(f"what is {i}?", answer, ("python", f"print({i})"), ("output", str(i)), f"the answer is {i}")
        for i, answer in enumerate(capitals)
    ]
    path = write(tmp_path / "ten.jsonl", conversations)
    changes = {"n_embd": 48, "block_size": 96, "steps": 160, "batch_size": 5, "held_out": 0.0, "eval_every": 1000}
    results = new_run(path, tmp_path / "run", tokenizer, **changes)
    assert results.metrics.losses[-1] < 0.1
    assert not results.held_out
    model = open_model(tmp_path / "run", "cpu")
    ids = model.vocabulary.special_tokens
    for number, answer in enumerate(capitals):
        prompt = f"<|bos|><|user_start|>what is {number}?<|user_end|><|assistant_start|>"
        stop = (ids["<|assistant_end|>"], ids["<|python_end|>"])
        said = "".join(model.stream_text(prompt, 40, greedy(), stop, special=True))
        assert said == f"{answer}<|python_start|>print({number})"
        prompt += f"{said}<|python_end|><|output_start|>{number}<|output_end|>"
        assert "".join(model.stream_text(prompt, 40, greedy(), stop, special=True)) == f"the answer is {number}"
    for answered in results.answers:
        number = int(answered.question.removeprefix("what is ").removesuffix("?"))
        assert [(part.kind, part.text) for part in answered.after.parts] == [
            ("text", capitals[number]),
            ("python", f"print({number})"),
        ]
        assert answered.before != answered.after


def greedy():
    from pybpe.gpt.sampling import Sampling

    return Sampling(temperature=0)


@pytest.mark.parametrize(("epochs", "steps"), [(1.0, 2), (2.0, 3), (0.01, 1), (None, 4)])
def test_epochs_are_passes_over_the_rows(tokenizer, tmp_path, epochs, steps):
    """Of 10 rows, in batches of 8."""
    path = write(tmp_path / "a.jsonl", [chat("1" * 20, "2" * 20)] * 10)
    settings = {**{name: value for name, value in SMALL.items() if name != "steps"}, "batch_size": 8, "held_out": 0.0}
    results = finetune(None, [path], tmp_path / "run", settings, Watcher(), tokenizer=tokenizer, epochs=epochs)
    assert read_run(tmp_path / "run").settings.steps == results.steps == steps
