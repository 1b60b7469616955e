"""Training in torch: learning, going on digit for digit, several processes, files that do not belong together."""

import json
import math
import re
import signal
import sys
import types
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

torch = pytest.importorskip("torch", reason="torch is not installed: pip install '.[gpt]'")

from pybpe import Tokenizer  # noqa: E402
from pybpe.data.shards import write_shards  # noqa: E402
from pybpe.errors import FormatError, MissingPackageError, TrainingError  # noqa: E402
from pybpe.gpt import new_model  # noqa: E402
from pybpe.gpt import train as training  # noqa: E402
from pybpe.gpt.characters import Characters  # noqa: E402
from pybpe.gpt.checkpoint import read_checkpoint, write_checkpoint  # noqa: E402
from pybpe.gpt.devices import ProcessGroup, check_dtype, find_device  # noqa: E402
from pybpe.gpt.engines import engine, load_model  # noqa: E402
from pybpe.gpt.model import FORMS, GPT  # noqa: E402
from pybpe.gpt.new_model import check_settings, model_config  # noqa: E402
from pybpe.gpt.pretrain import TrainingStep, window_batch, windows_at  # noqa: E402
from pybpe.gpt.runs.folder import Metrics, Run, read_metrics, read_run  # noqa: E402
from pybpe.gpt.runs.run import Watcher, dry_run, prepare_run, resume_run, start_run  # noqa: E402
from pybpe.gpt.settings import PRESETS, Settings  # noqa: E402
from pybpe.gpt.training_data import read_data  # noqa: E402

from .runs import Stop, files, python, small, write_text  # noqa: E402

KILLED = """
import os, signal, sys
from pathlib import Path
from pybpe.gpt.runs.run import Watcher, resume_run
class Kill(Watcher):
    def step(self, step, facts):
        if step.step == 17:
            os.kill(os.getpid(), signal.SIGKILL)
resume_run(Path(sys.argv[1]), Kill(), 1)
"""


@pytest.fixture
def text(tmp_path):
    return write_text(tmp_path / "text.txt")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The checkpoint of a run that has ended, as bytes."""
    folder = tmp_path_factory.mktemp("finished")
    start_run(folder / "run", small(steps=1), [write_text(folder / "text.txt")], None, Watcher(), 1)
    return (folder / "run" / "model.safetensors").read_bytes()


@pytest.mark.parametrize("form", FORMS)
def test_every_form_learns(text, tmp_path, form):
    results = start_run(tmp_path / "run", small(form=form, lr=1e-2), [text], None, Watcher(), 1)
    before, after = results.metrics.val_losses[0][1], results.metrics.val_losses[-1][1]
    assert before == pytest.approx(math.log(results.vocabulary.n_vocab), rel=0.1)
    assert after < before - 0.3
    assert [step for step, _ in results.metrics.val_losses] == [0, 7, 14, 21, 28, 30]
    loaded = load_model(tmp_path / "run" / "model.safetensors")
    assert (loaded.step, loaded.n_params) == (30, results.n_params)
    assert len(results.samples) == 3


@pytest.mark.parametrize("stop_at", [1, 14, 29])
def test_an_interrupted_run_goes_on_digit_for_digit(text, tmp_path, stop_at):
    settings = small(dropout=0.2, accumulate=2, sample_every=14)
    start_run(tmp_path / "whole", settings, [text], None, Watcher(), 1)
    half = start_run(tmp_path / "half", settings, [text], None, Stop(stop_at), 1)
    assert (half.interrupted, half.steps) == (True, stop_at)
    rest = resume_run(tmp_path / "half", Watcher(), 1)
    assert (rest.interrupted, rest.first_step) == (False, stop_at)
    assert files(tmp_path / "half") == files(tmp_path / "whole")
    resume_run(tmp_path / "half", Watcher(), 1)  # there is nothing left to do
    assert files(tmp_path / "half") == files(tmp_path / "whole")
    assert [step for step, _ in rest.metrics.samples] == [14, 28]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no kill -9")
def test_kill_9_loses_nothing(text, tmp_path):
    start_run(tmp_path / "whole", small(dropout=0.1), [text], None, Watcher(), 1)
    prepare_run(tmp_path / "half", small(dropout=0.1), [text], None)
    status, printed = python("-c", KILLED, tmp_path / "half")
    assert status == -signal.SIGKILL, printed
    assert read_checkpoint(tmp_path / "half" / "model.safetensors").step == 10
    (tmp_path / "half" / ".metrics.jsonl.abc.part").write_text(
        "half a li", encoding="utf-8"
    )  # as if killed while it wrote
    resume_run(tmp_path / "half", Watcher(), 1)
    assert files(tmp_path / "half") == files(tmp_path / "whole")
    assert {path.name for path in (tmp_path / "half").iterdir()} == {
        path.name for path in (tmp_path / "whole").iterdir()
    }


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_two_processes_are_one_with_twice_the_batch(text, tmp_path, optimizer):
    prepare_run(tmp_path / "two", small(batch_size=2, accumulate=2, optimizer=optimizer), [text], None)
    launch = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m", "pybpe.gpt.train")
    status, printed = python(*launch, tmp_path / "two", "--threads", "1")
    assert status == 0, printed
    assert re.search(r"step 7: loss [\d.]+, held out [\d.]+, [\d.]+ bits per byte, [\d,]+ tokens/s", printed)
    assert re.search(r"parameters, loss [\d.]+, [\d.]+ bits per byte", printed)
    start_run(tmp_path / "one", small(batch_size=4, optimizer=optimizer), [text], None, Watcher(), 1)
    one, two = (read_metrics(tmp_path / name, 30) for name in ("one", "two"))
    assert two.losses == pytest.approx(one.losses, abs=1e-4)
    assert np.array(two.val_losses) == pytest.approx(np.array(one.val_losses), abs=1e-4)
    weights = [load_file(tmp_path / name / "model.safetensors")["wte.weight"] for name in ("one", "two")]
    assert np.abs(weights[0] - weights[1]).max() < 1e-3


def test_accumulated_batches_are_one_batch(text, tmp_path):
    for name, settings in (("a", small(batch_size=4)), ("b", small(batch_size=1, accumulate=4))):
        start_run(tmp_path / name, settings, [text], None, Watcher(), 1)
    one, two = (read_metrics(tmp_path / name, 30) for name in "ab")
    assert two.losses == pytest.approx(one.losses, abs=1e-4)


def test_a_step_is_adam_on_the_clipped_gradient(text, tmp_path):
    """Against the textbook's AdamW, in float64."""
    settings = small(dtype="float64", clip=0.05, steps=4, schedule="constant", warmup=0.0)
    data = read_data([text], None, lines=False, seed=settings.seed)
    run = training.Training(
        Run(settings, [], "", data.vocabulary.fingerprint), data, tmp_path, Metrics(), ProcessGroup()
    )
    model = GPT(run.model.config).double()
    model.load_state_dict(run.model.state_dict())
    moments = {name: [torch.zeros_like(each), torch.zeros_like(each)] for name, each in model.named_parameters()}
    for step in range(4):
        windows = window_batch(data.train, 8, 4, [settings.seed, step])
        loss = model(*(torch.from_numpy(part) for part in windows))
        model.zero_grad()
        loss.backward()
        length = math.sqrt(sum(float(each.grad.square().sum()) for each in model.parameters()))
        assert length > settings.clip
        with torch.no_grad():
            for name, each in model.named_parameters():
                gradient = each.grad * settings.clip / (length + 1e-6)
                first, second = moments[name]
                first.mul_(0.9).add_(0.1 * gradient)
                second.mul_(0.99).add_(0.01 * gradient.square())
                if each.dim() >= 2:
                    each.mul_(1 - settings.lr * settings.weight_decay)
                size = (second / (1 - 0.99 ** (step + 1))).sqrt() + 1e-8
                each.sub_(settings.lr * first / (1 - 0.9 ** (step + 1)) / size)
        made, _ = run.train_step(run.batches(step), 1.0)
        run.step += 1
        assert made == pytest.approx(loss.item(), rel=1e-9)
    for name, each in run.model.named_parameters():
        torch.testing.assert_close(each, model.get_parameter(name), rtol=1e-7, atol=1e-10)


def test_many_shards_are_read_as_one(text, tmp_path):
    tokenizer, content = Tokenizer.train(text, 280, progress=False), text.read_text(encoding="utf-8")
    for folder, size in (("one", 10_000), ("many", 100)):
        pieces = [(line, True) for line in content.split("\n")]
        for _ in write_shards(tokenizer, pieces, tmp_path / folder, ids_a_shard=size):
            pass
        start_run(tmp_path / f"{folder}-gpt", small(), [tmp_path / folder], tokenizer, Watcher(), 1)
    assert len(list((tmp_path / "many").glob("train_*.bin"))) > 5
    assert files(tmp_path / "one-gpt") == files(tmp_path / "many-gpt")


def test_held_out_loss_is_that_of_its_windows(text, tmp_path):
    start_run(tmp_path / "run", small(), [text], None, Watcher(), 1)
    data = read_data([text], None, lines=False, seed=42)
    starts = np.linspace(0, len(data.val) - 9, 10).astype(np.int64)
    loss = load_model(tmp_path / "run" / "model.safetensors").model.loss(*windows_at(data.val, starts, 8))
    assert read_metrics(tmp_path / "run", 30).val_losses[-1][1] == pytest.approx(loss, rel=1e-5)


def test_the_best_weights_are_kept(text, tmp_path):
    results = start_run(tmp_path / "run", small(lr=0.3, clip=0.0), [text], None, Watcher(), 1)
    step, _ = min(results.metrics.val_losses[1:], key=lambda pair: pair[1])
    assert read_checkpoint(tmp_path / "run" / "best.safetensors").step == step


@pytest.mark.parametrize("form", ["gpt2", "modern"])
def test_bfloat16_learns_and_keeps_float32(text, tmp_path, form):
    results = start_run(tmp_path / "run", small(form=form, dtype="bfloat16", lr=1e-2), [text], None, Watcher(), 1)
    assert results.metrics.val_losses[-1][1] < results.metrics.val_losses[0][1] - 0.3
    assert load_file(tmp_path / "run" / "model.safetensors")["wte.weight"].dtype == np.float32


@pytest.mark.parametrize("stop_at", [1, 11])
def test_the_scale_of_float16_goes_on_too(text, tmp_path, monkeypatch, stop_at):
    """As on a GPU: processors are refused, but they compute it. So large a scale overflows, and steps are left out."""
    monkeypatch.setattr(new_model, "check_dtype", lambda dtype, device: None)
    monkeypatch.setattr(torch.amp, "GradScaler", partial(torch.amp.GradScaler, init_scale=2.0**24))
    settings = small(dtype="float16", lr=1e-2)
    begun = start_run(tmp_path / "whole", settings, [text], None, Watcher(), 1).metrics
    assert begun.val_losses[-1][1] < begun.val_losses[0][1] - 0.3
    start_run(tmp_path / "half", settings, [text], None, Stop(stop_at), 1)
    scaler = read_checkpoint(tmp_path / "half" / "model.safetensors").scaler
    left_out = stop_at - scaler["taken"]
    assert 0 < left_out < 11
    assert scaler["scale"] == 2.0 ** (24 - left_out)
    resume_run(tmp_path / "half", Watcher(), 1)
    assert files(tmp_path / "half") == files(tmp_path / "whole")


def test_going_on_from_a_model_with_other_text(text, tmp_path):
    start_run(tmp_path / "first", small(), [text], None, Watcher(), 1)
    begun = read_metrics(tmp_path / "first", 30).val_losses
    settings = small(init=str(tmp_path / "first"), steps=5, lr=1e-4)
    results = start_run(tmp_path / "second", settings, [text], None, Watcher(), 1)
    assert results.metrics.val_losses[0][1] == pytest.approx(begun[-1][1], rel=1e-6)
    with pytest.raises(TrainingError, match="has a context of 8 tokens"):
        start_run(tmp_path / "third", replace(settings, block_size=16), [text], None, Watcher(), 1)
    other = Tokenizer.train(text, 270, progress=False)
    with pytest.raises(FormatError, match="another vocabulary"):
        start_run(tmp_path / "third", settings, [text], other, Watcher(), 1)
    assert not (tmp_path / "third").exists()


def test_a_checkpoint_of_another_tokenizer_is_one_clear_error(text, tmp_path):
    start_run(tmp_path / "run", small(), [text], None, Stop(5), 1)
    path = tmp_path / "run" / "model.safetensors"
    write_checkpoint(replace(read_checkpoint(path), fingerprint=Characters("xyz").fingerprint), path)
    with pytest.raises(FormatError, match="made with another vocabulary"):
        resume_run(tmp_path / "run", Watcher(), 1)


def rewritten(path, **changes):
    with safe_open(path, framework="numpy") as file:
        header = {**file.metadata(), **{f"pybpe.{key}": value for key, value in changes.items()}}
    save_file(load_file(path), path, {key: value for key, value in header.items() if value is not None})


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "torch-gpt 2"},
        {"config": None},
        {"config": "{"},
        {"config": "[]"},
        {"config": '{"n_vocab": 9}'},
        {"config": '{"n_vocab": 4194304, "n_layer": 256, "n_embd": 16384, "n_head": 256, "block_size": 131072}'},
        {"config": '{"n_vocab": 10, "colour": 1}'},
        {"step": "x"},
        {"step": "-1"},
        {"scaler": '{"scale": "much"}'},
        {"scaler": "[]"},
    ],
)
def test_a_header_that_lies_is_one_clear_error(finished, tmp_path, changes):
    path = tmp_path / "model.safetensors"
    path.write_bytes(finished)
    assert read_checkpoint(path).step == 1
    rewritten(path, **changes)
    with pytest.raises(FormatError):
        read_checkpoint(path)


def test_damaged_files_are_one_clear_error(finished, tmp_path):
    path = tmp_path / "model.safetensors"
    for length in (0, 8, 100, len(finished) // 2, len(finished) - 1):
        path.write_bytes(finished[:length])
        with pytest.raises(FormatError):
            read_checkpoint(path)
    path.write_bytes(finished)
    tensors = load_file(path)
    with safe_open(path, framework="numpy") as file:
        header = file.metadata()
    for name, tensor in (
        ("wte.weight", tensors["wte.weight"].astype(np.int32)),
        ("wte.weight", tensors["wte.weight"][:-1].copy()),
        ("extra", np.zeros(3, np.float32)),
    ):
        save_file({**tensors, name: tensor}, path, header)
        with pytest.raises(FormatError):
            read_checkpoint(path)


def test_what_this_engine_cannot_do(text, tmp_path):
    with pytest.raises(TrainingError, match="--lines goes with the micro engine"):
        start_run(tmp_path / "run", small(lines=True), [text], None, Watcher())
    with pytest.raises(TrainingError, match="needs at least"):
        start_run(tmp_path / "run", small(block_size=100_000), [text], None, Watcher())
    with pytest.raises(ValueError, match="float16 loses gradients"):
        start_run(tmp_path / "run", small(dtype="float16"), [text], None, Watcher())
    with pytest.raises(ValueError, match="mps has no float64"):
        check_dtype("float64", torch.device("mps"))
    data = read_data([text], None, lines=False, seed=1)
    with pytest.raises(TrainingError, match="2 processes cannot share 3 batches"):
        check_settings(small(accumulate=3), data, torch.device("cpu"), ProcessGroup(0, 2))
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="torch finds no cuda here"):
            find_device("cuda")
    with pytest.raises(ValueError, match="is for the torch engine"):
        Settings(dropout=0.1)
    with pytest.raises(TrainingError, match="the model is lost; lower lr"):
        start_run(tmp_path / "run", small(lr=1e3, clip=0.0, warmup=0.0, dtype="bfloat16"), [text], None, Watcher(), 1)
    assert not (tmp_path / "run").exists()


def test_without_torch_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'pybpe\[gpt\]'"):
        engine("torch")


@pytest.mark.parametrize("preset", [name for name in PRESETS if PRESETS[name].get("engine") == "torch"])
def test_the_presets_are_models(preset):
    with torch.device("meta"):
        model = GPT(model_config(Settings(**PRESETS[preset]), 50257))
    assert model.config.rows == 50304
    if preset == "gpt2-124m":
        assert model.n_params == 124_439_808 + 47 * 768


def test_a_dry_run_writes_nothing(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.iterdir())
    found = dry_run(small(accumulate=3), [text], None, 1)
    assert set(tmp_path.iterdir()) == before
    assert found.tokens == 30 * 4 * 3 * 8
    assert found.memory > 16 * found.n_params
    assert found.seconds > 0
    micro = dry_run(Settings(n_layer=1, n_embd=8, n_head=2, block_size=8, steps=7), [text], None, 1)
    assert micro.tokens == 7 * 12 * 8


def test_a_dry_run_of_one_step_tries_whole_batches(text, monkeypatch):
    tried, train_step = [], training.Training.train_step

    def watched(self, batches, factor):
        tried.append([batch.ids.shape[1] for batch in batches])
        return train_step(self, batches, factor)

    monkeypatch.setattr(training.Training, "train_step", watched)
    dry_run(small(steps=1, accumulate=2), [text], None, 1)
    assert tried
    assert set(map(tuple, tried)) == {(8, 8)}


def test_what_torchrun_starts_takes_data_and_options_in_any_order(text, tmp_path):
    prepare_run(tmp_path / "run", small(), [text], None, 1)
    moved = text.rename(tmp_path / "moved.txt")
    training.main([str(tmp_path / "run"), "--steps", "33", str(moved), "--threads", "1"])
    run = read_run(tmp_path / "run")
    assert (run.settings.steps, run.data, run.threads) == (33, [str(moved.resolve())], 1)
    assert read_checkpoint(tmp_path / "run" / "model.safetensors").step == 33


def test_torchrun_is_not_for_the_micro_engine(text, tmp_path, capsys):
    prepare_run(tmp_path / "run", Settings(n_layer=1, n_head=2, n_embd=8, block_size=8, steps=1), [text], None)
    with pytest.raises(SystemExit):
        training.main([str(tmp_path / "run")])
    assert "is a run of the micro engine, which trains in one process" in capsys.readouterr().err


def test_tensorboard_is_told_where_it_is_installed(text, tmp_path, monkeypatch):
    told = []

    class Writer:
        def __init__(self, log_dir):
            told.append(log_dir)

        def add_scalar(self, name, value, step):
            told.append((name, step))

        def add_text(self, name, value, step):
            told.append((name, step))

        def close(self):
            told.append("closed")

    module = types.ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Writer
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    start_run(tmp_path / "run", small(steps=7, sample_every=7), [text], None, Watcher(), 1)
    assert told[0] == str(tmp_path / "run")
    assert {("loss", 1), ("held-out loss", 7), ("sample", 7), ("lr", 3)} <= set(told)
    assert told[-1] == "closed"


def test_lines_are_printed_where_there_is_no_screen(capsys):
    lines, results = training.Lines(), types.SimpleNamespace(bits_a_nat=0.5)
    lines.step(TrainingStep(3, 2.0, None, 0.1, 0.5, 100.0), results)
    assert capsys.readouterr().out == ""
    lines.step(TrainingStep(4, 2.0, 1.5, 0.1, 0.5, 100.0), results)
    assert capsys.readouterr().out == "step 4: loss 2.0000, held out 1.5000, 0.7500 bits per byte, 100 tokens/s\n"


def test_metrics_keep_what_the_model_said(text, tmp_path):
    start_run(tmp_path / "run", small(steps=6, sample_every=3), [text], None, Watcher(), 1)
    entries = [
        json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert [entry["step"] for entry in entries if "sample" in entry] == [3, 6]
