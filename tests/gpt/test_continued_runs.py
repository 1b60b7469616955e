"""Runs that stop early, by a signal or a time limit, and runs that continue with more steps; with both engines."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

import pybpe
from pybpe.errors import TrainingError
from pybpe.gpt.engines import load_model
from pybpe.gpt.pretrain import learning_rate
from pybpe.gpt.runs.folder import read_metrics, read_run
from pybpe.gpt.runs.page import STOPPED
from pybpe.gpt.runs.run import Watcher, prepare_run, resume_run, start_run
from pybpe.gpt.settings import PRESETS, Settings

from .runs import SMALL, write_text

SHAPE = {key: value for key, value in SMALL.items() if key not in PRESETS["shakespeare-char-cpu"]} | {"steps": 30}
SHAPE.pop("device")
ENGINES = {
    "micro": Settings(**SHAPE),
    "lines": Settings(**{**PRESETS["microgpt"], "steps": 130, "save_every": 50}),
    "torch": Settings(**SMALL),
}
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")
SLOW = """
import time
from pybpe.gpt import train
write = train.write_checkpoint
def slowly(checkpoint, path):
    if path.name == "model.safetensors":  # so long that all signals come before it is written
        time.sleep(2)
    write(checkpoint, path)
train.write_checkpoint = slowly
train.main()
train.leave_process()
"""


@pytest.fixture(params=ENGINES)
def settings(request):
    if request.param == "torch":
        pytest.importorskip("torch", reason="torch is not installed: pip install '.[gpt]'")
    return ENGINES[request.param]


@pytest.fixture
def text(tmp_path):
    return write_text(tmp_path / "text.txt")


class Signals(Watcher):
    """Sends this process a signal after a step."""

    def __init__(self, number, at):
        self.number, self.at = number, at

    def step(self, step, results):
        if step.step == self.at:
            signal.raise_signal(self.number)


class Rates(Watcher):
    """Notes the learning rate of each step."""

    def __init__(self):
        self.rates = {}

    def step(self, step, results):
        self.rates[step.step] = step.lr


def metrics(folder):
    return (folder / "metrics.jsonl").read_bytes()


@pytest.mark.parametrize(("number", "reason"), [(signal.SIGTERM, "terminate"), (signal.SIGINT, "interrupt")])
def test_a_signal_leaves_a_checkpoint_to_continue_from(text, tmp_path, settings, number, reason):
    start_run(tmp_path / "whole", settings, [text], None, Watcher(), 1)
    before = signal.getsignal(number)
    half = start_run(tmp_path / "half", settings, [text], None, Signals(number, 13), 1)
    assert signal.getsignal(number) is before
    assert (half.stopped, half.interrupted) == (reason, True)
    assert half.steps == load_model(tmp_path / "half" / "model.safetensors").step == (50 if settings.lines else 13)
    page = (tmp_path / "half" / "report.html").read_text(encoding="utf-8")
    assert f"Training was {STOPPED[reason]} after {half.steps} of" in page
    assert resume_run(tmp_path / "half", Watcher(), 1).stopped == "steps"
    assert metrics(tmp_path / "half") == metrics(tmp_path / "whole")


def test_a_signal_after_the_last_step_changes_nothing(text, tmp_path, settings):
    start_run(tmp_path / "whole", settings, [text], None, Watcher(), 1)
    last = start_run(tmp_path / "last", settings, [text], None, Signals(signal.SIGTERM, settings.steps), 1)
    assert last.stopped == "steps"
    assert metrics(tmp_path / "last") == metrics(tmp_path / "whole")


def test_a_time_limit_leaves_a_checkpoint_and_changes_no_digit(text, tmp_path, settings):
    class Slow(Watcher):
        def step(self, step, results):
            time.sleep(0.01)

    settings = replace(settings, steps=200)
    start_run(tmp_path / "whole", settings, [text], None, Watcher(), 1)
    results = start_run(tmp_path / "half", settings, [text], None, Slow(), 1, seconds=0.2)
    sittings = 1
    while results.stopped == "seconds":
        assert 0 < results.steps < 200
        assert results.steps == load_model(tmp_path / "half" / "model.safetensors").step
        results = resume_run(tmp_path / "half", Slow(), 1, seconds=0.5)
        sittings += 1
    assert (results.stopped, sittings > 1) == ("steps", True)
    assert metrics(tmp_path / "half") == metrics(tmp_path / "whole")


def test_more_steps_follow_the_schedule_of_all_of_them(text, tmp_path, settings):
    """Step i of N learns at schedule((i - 1) / N) with the N of now, whether the run had stopped or ended."""
    more = settings.steps + 40
    whole, stopped, ended = Rates(), Rates(), Rates()
    start_run(tmp_path / "whole", replace(settings, steps=more), [text], None, whole, 1)
    start_run(tmp_path / "stopped", settings, [text], None, Signals(signal.SIGINT, 13), 1)
    taken = load_model(tmp_path / "stopped" / "model.safetensors").step
    resume_run(tmp_path / "stopped", stopped, 1, steps=more)
    start_run(tmp_path / "ended", settings, [text], None, Watcher(), 1)
    assert resume_run(tmp_path / "ended", ended, 1, steps=more).first_step == settings.steps
    for rates, first in ((stopped, taken), (ended, settings.steps)):
        assert sorted(rates.rates) == list(range(first + 1, more + 1))
        assert rates.rates == {step: whole.rates[step] for step in rates.rates}
    if settings.engine == "torch":
        at = (more - 2) / more
        expected = learning_rate(settings.lr, at, settings.schedule, settings.warmup, settings.final_lr, 1 / more)
        assert ended.rates[more - 1] == pytest.approx(expected)
    for name in ("stopped", "ended"):
        assert read_run(tmp_path / name).settings == replace(settings, steps=more)
        assert len(read_metrics(tmp_path / name, more).losses) == more
        assert resume_run(tmp_path / name, Watcher(), 1).first_step == more


def test_where_the_rate_does_not_fall_more_steps_are_those_of_one_long_run(text, tmp_path, settings):
    if settings.lines:
        settings = replace(settings, lr=0.0)  # a run of lines has one schedule only
    settings = replace(settings, schedule="constant", warmup=0.0, eval_every=10)
    start_run(tmp_path / "long", replace(settings, steps=settings.steps * 2), [text], None, Watcher(), 1)
    start_run(tmp_path / "short", settings, [text], None, Watcher(), 1)
    resume_run(tmp_path / "short", Watcher(), 1, steps=settings.steps * 2)
    assert metrics(tmp_path / "short") == metrics(tmp_path / "long")


def test_fewer_steps_than_were_taken_are_refused(text, tmp_path, settings):
    start_run(tmp_path / "run", settings, [text], None, Watcher(), 1)
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    with pytest.raises(TrainingError, match=f"has taken {settings.steps} already: give more"):
        resume_run(tmp_path / "run", Watcher(), 1, steps=settings.steps - 1)
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


def launch(script, folder, *arguments):
    """Start torchrun in a process group of its own, in the folder of the script."""
    home = Path(pybpe.__file__).parents[1]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(home), *sys.path]),
        "OMP_NUM_THREADS": "1",
        "PYTHONUNBUFFERED": "1",
    }
    command = [sys.executable, *TORCHRUN, str(script), str(folder), "--threads", "1", *arguments]
    return subprocess.Popen(
        command,
        env=environment,
        cwd=script.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it finds processes in /proc, which Linux has")
@pytest.mark.parametrize(
    "how", ["SIGTERM to torchrun", "SIGTERM to one process", "SIGTERM to all processes", "Ctrl-C in a terminal"]
)
def test_a_signal_under_torchrun_leaves_a_checkpoint(text, tmp_path, how):
    """Slurm signals every process of a job, and torchrun then signals its processes again."""
    pytest.importorskip("torch", reason="torch is not installed: pip install '.[gpt]'")
    settings = Settings(**{**SMALL, "steps": 100_000, "accumulate": 2, "eval_every": 20, "save_every": 99_999})
    with pytest.warns(UserWarning, match="passes over"):
        prepare_run(tmp_path / "run", settings, [text], None)
    (tmp_path / "slow.py").write_text(SLOW, encoding="utf-8")
    process = launch(tmp_path / "slow.py", tmp_path / "run")
    try:
        printed = ""
        while "step 40:" not in printed:
            line = process.stdout.readline()
            assert line, printed
            printed += line
        if how == "SIGTERM to torchrun":
            process.send_signal(signal.SIGTERM)
        elif how == "Ctrl-C in a terminal":
            os.killpg(process.pid, signal.SIGINT)
        else:
            workers = workers_of(process.pid)
            signalled = [workers[-1]] if how == "SIGTERM to one process" else [*workers, process.pid]
            for pid in signalled:
                os.kill(pid, signal.SIGTERM)
                time.sleep(0.3)  # two signals at once would be one
        printed += process.communicate(timeout=120)[0]
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    taken = load_model(tmp_path / "run" / "model.safetensors").step
    assert 40 <= taken < 100_000, printed
    assert len(read_metrics(tmp_path / "run", taken).losses) == taken
    process = launch(tmp_path / "slow.py", tmp_path / "run", "--steps", str(taken + 5))
    printed = process.communicate(timeout=120)[0]
    assert process.returncode == 0, printed
    assert read_run(tmp_path / "run").settings.steps == taken + 5
    assert load_model(tmp_path / "run" / "model.safetensors").step == taken + 5


def workers_of(pid):
    """The processes that torchrun started: stat holds the name in brackets, the state and the parent."""
    children = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            parent = int((path / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
            if parent == pid and b"slow.py" in (path / "cmdline").read_bytes():
                children.append(int(path.name))
    assert len(children) == 2
    return sorted(children)
