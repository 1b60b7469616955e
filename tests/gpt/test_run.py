import hashlib
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import save_file

from pybpe import Tokenizer
from pybpe.data.shards import write_shards
from pybpe.errors import FormatError, ShardError, TrainingError
from pybpe.gpt.characters import Characters
from pybpe.gpt.engines import engine, load_model
from pybpe.gpt.inference import open_model
from pybpe.gpt.micro.names import reproduce
from pybpe.gpt.runs.folder import Metrics, find_data, read_metrics, read_run, write_metrics
from pybpe.gpt.runs.run import Watcher, prepare_run, read_run_data, reread, resume_run, start_run
from pybpe.gpt.sampling import Sampling
from pybpe.gpt.settings import PRESETS, Settings
from pybpe.gpt.training_data import read_data, read_ids
from pybpe.gpt.vocabulary import bits_per_byte, bytes_per_token, check_same, load_vocabulary

from .runs import WORDS, Stop, write_text

SMALL = Settings(n_layer=1, n_head=2, n_embd=8, block_size=8, steps=30, batch_size=2, eval_every=7, save_every=10)


@pytest.fixture
def text(tmp_path):
    return write_text(tmp_path / "text.txt")


@pytest.fixture
def names(tmp_path):
    path = tmp_path / "names.txt"
    path.write_text("\n".join(WORDS) + "\n\n", encoding="utf-8")
    return path


def files(folder):
    """What a run wrote, but for its report; of the checkpoint its content, for its header is in no fixed order."""
    found = {path.name: path.read_bytes() for path in folder.iterdir() if path.name not in ("report.html", "run.json")}
    found["run.json"] = replace(read_run(folder), threads=None)  # which change nothing
    with safe_open(folder / "model.safetensors", framework="numpy") as file:
        tensors = {name: file.get_tensor(name).tobytes() for name in file.keys()}  # noqa: SIM118
        found["model.safetensors"] = (file.metadata(), tensors)
    return found


def test_a_run_writes_what_it_needs_to_be_used(text, tmp_path):
    results = start_run(tmp_path / "run", SMALL, [text], None, Watcher())
    folder = tmp_path / "run"
    assert sorted(path.name for path in folder.iterdir()) == [
        *("characters.json", "metrics.jsonl", "model.safetensors", "report.html", "run.json")
    ]
    assert read_run(folder).settings == SMALL
    assert len(results.metrics.losses) == 30
    assert [step for step, _ in results.metrics.val_losses] == [0, 7, 14, 21, 28, 30]
    assert results.metrics == read_metrics(folder, 30)
    entries = [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    measured = [(each["val_loss"], each["val_bits_per_byte"]) for each in entries if "val_loss" in each]
    assert [bits for _, bits in measured] == [bits_per_byte(nats, results.bytes_a_token) for nats, _ in measured]
    assert (len(measured), measured[-1][1]) == (6, results.bits_per_byte)
    assert results.bytes_a_token == 1.0  # characters of ASCII
    assert results.loss < results.metrics.val_losses[0][1]
    assert len(results.samples) == 3
    model = open_model(folder)
    assert (model.n_ctx, model.n_params, model.step) == (8, results.n_params, 30)
    said = "".join(model.stream_text("ada", 20, Sampling(1.0), seed=1))
    assert 0 < len(said) <= 20
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "bits per byte on held-out text" in page
    assert 'class="held"' in page
    assert str(text) in page


@pytest.mark.parametrize("stop_at", [1, 10, 14, 29])
def test_an_interrupted_run_goes_on_digit_for_digit(text, tmp_path, stop_at):
    start_run(tmp_path / "whole", SMALL, [text], None, Watcher(), threads=1)
    half = start_run(tmp_path / "half", SMALL, [text], None, Stop(stop_at), threads=2)
    assert (half.interrupted, half.steps) == (True, stop_at)
    assert "interrupted" in (tmp_path / "half" / "report.html").read_text(encoding="utf-8")
    rest = resume_run(tmp_path / "half", Watcher())
    assert (rest.interrupted, rest.first_step) == (False, stop_at)
    assert files(tmp_path / "half") == files(tmp_path / "whole")
    again = resume_run(tmp_path / "half", Watcher())  # there is nothing left to do
    assert again.steps == 30
    assert files(tmp_path / "half") == files(tmp_path / "whole")


def test_lines_go_on_digit_for_digit_too(names, tmp_path):
    settings = Settings(**{**PRESETS["microgpt"], "steps": 120, "save_every": 50})
    whole = start_run(tmp_path / "whole", settings, [names], None, Watcher())
    assert whole.metrics.losses == reproduce(WORDS, steps=120).losses.tolist()  # microgpt.py itself
    assert not whole.held_out
    start_run(tmp_path / "half", settings, [names], None, Stop(70))
    resume_run(tmp_path / "half", Watcher())
    assert files(tmp_path / "half") == files(tmp_path / "whole")


def test_a_kill_between_two_checkpoints_loses_no_more_than_the_steps_since(text, tmp_path):
    class Kill(Watcher):
        def step(self, step, results):
            if step.step == 25:
                raise KeyboardInterrupt

    start_run(tmp_path / "whole", SMALL, [text], None, Watcher())
    with pytest.raises(KeyboardInterrupt):
        start_run(tmp_path / "half", SMALL, [text], None, Kill())
    assert load_model(tmp_path / "half" / "model.safetensors").step == 20
    assert resume_run(tmp_path / "half", Watcher()).first_step == 20
    assert files(tmp_path / "half") == files(tmp_path / "whole")


def test_an_error_before_the_first_checkpoint_leaves_nothing(text, tmp_path):
    with pytest.raises(ValueError, match="multiple of n_head"):
        start_run(tmp_path / "run", Settings(n_embd=9, n_head=2), [text], None, Watcher())
    assert not (tmp_path / "run").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(TrainingError, match="needs at least"):
        start_run(tmp_path / "mine", Settings(block_size=10_000), [text], None, Watcher())
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("at", range(5))
def test_an_earlier_run_is_back_whenever_ctrl_c_comes(text, tmp_path, monkeypatch, at):
    """While its files are put aside, one after another; `at` 4 is behind the last of them."""
    start_run(tmp_path / "run", SMALL, [text], None, Watcher())
    before, moved, rename = files(tmp_path / "run"), [], Path.rename

    def interrupted(path, target):
        if len(moved) == at:
            moved.append(path)
            raise KeyboardInterrupt
        moved.append(path)
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        start_run(tmp_path / "run", replace(SMALL, seed=5), [text], None, Watcher(), replace=True)
    assert files(tmp_path / "run") == before
    assert not list((tmp_path / "run").glob(".*"))


def test_a_run_that_is_there_is_replaced_only_where_that_is_asked(text, tmp_path):
    start_run(tmp_path / "run", SMALL, [text], None, Watcher())
    before = files(tmp_path / "run")
    for begin in (start_run, prepare_run):
        with pytest.raises(FileExistsError, match="exists already"):
            begin(tmp_path / "run", SMALL, [text], None, *([Watcher()] if begin is start_run else []))
    assert files(tmp_path / "run") == before
    prepare_run(tmp_path / "run", SMALL, [text], None, replace=True)
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["characters.json", "run.json"]
    earlier = tmp_path / "run" / ".earlier.abc.part"  # as a kill leaves it
    earlier.mkdir()
    (earlier / "run.json").write_text("{}", encoding="utf-8")
    resume_run(tmp_path / "run", Watcher())
    assert files(tmp_path / "run") == before


def test_two_at_once_in_one_folder(text, tmp_path):
    """While one trains in a folder, another is refused there, and the first one's files stay."""
    tried = []

    class Second(Watcher):
        def step(self, step, results):
            if tried or step.step < 12:
                return
            tried.append(step.step)
            for begin in (
                lambda: start_run(tmp_path / "run", SMALL, [text], None, Watcher(), replace=True),
                lambda: prepare_run(tmp_path / "run", SMALL, [text], None, replace=True),
                lambda: resume_run(tmp_path / "run", Watcher()),
            ):
                with pytest.raises(FileExistsError, match="another process is training in"):
                    begin()
            start_run(tmp_path / "other", SMALL, [text], None, Watcher())

    start_run(tmp_path / "run", SMALL, [text], None, Second())
    assert tried == [12]
    assert files(tmp_path / "run") == {**files(tmp_path / "other"), "run.json": read_run(tmp_path / "run")}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "run", "text.txt"]


def test_shards_and_text_of_one_tokenizer(text, tmp_path):
    tokenizer = Tokenizer.train(text, 280, progress=False)
    content = text.read_text(encoding="utf-8")
    for _ in write_shards(tokenizer, [(content, True)], tmp_path / "shards"):
        pass
    data = read_data([tmp_path / "shards"], tokenizer, lines=False, seed=1)
    whole = tokenizer.encode_ordinary(content)
    assert [*data.train, *data.val] == [*whole, tokenizer.eot_token]
    results = start_run(tmp_path / "run", SMALL, [tmp_path / "shards"], tokenizer, Watcher())
    assert results.steps == 30
    assert load_vocabulary(tmp_path / "run").fingerprint == tokenizer.fingerprint
    other = Tokenizer.train(text, 270, progress=False)
    with pytest.raises(ShardError, match="another tokenizer"):
        read_data([tmp_path / "shards"], other, lines=False, seed=1)
    with pytest.raises(TrainingError, match="must be the only data"):
        read_data([tmp_path / "shards"], None, lines=False, seed=1)
    for _ in write_shards(tokenizer, [("held out " * 20, True)], tmp_path / "shards", name="val"):
        pass
    data = read_data([tmp_path / "shards"], tokenizer, lines=False, seed=1)
    assert tokenizer.decode(data.val[:-1]) == "held out " * 20
    in_memory = read_data([text], tokenizer, lines=False, seed=1)
    assert tokenizer.decode([*in_memory.train, *in_memory.val]) == content
    assert tokenizer.decode(in_memory.train).endswith("\n")


def test_changed_data_are_refused(text, tmp_path):
    start_run(tmp_path / "run", SMALL, [text], None, Stop(5))
    before = files(tmp_path / "run")
    text.write_text(text.read_text(encoding="utf-8").replace("ada", "eva").replace("v", "d"), encoding="utf-8")
    with pytest.raises(TrainingError, match="has changed since the run began"):
        resume_run(tmp_path / "run", Watcher())
    assert files(tmp_path / "run") == before


def test_files_that_do_not_belong_together_are_refused(text, tmp_path):
    start_run(tmp_path / "run", SMALL, [text], None, Stop(5))
    vocabulary = load_vocabulary(tmp_path / "run")
    with pytest.raises(FormatError, match="another vocabulary"):
        check_same(vocabulary, "0" * 64, vocabulary.n_vocab, "model")
    with pytest.raises(FormatError, match="another vocabulary"):
        check_same(vocabulary, None, vocabulary.n_vocab, "model")
    Characters("xyz").save(tmp_path / "run" / "characters.json")
    with pytest.raises(FormatError, match="another vocabulary"):
        resume_run(tmp_path / "run", Watcher())


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{",
        '{"format": "pybpe-run 2"}',
        '{"format": "pybpe-run 1"}',
        '{"format": "pybpe-run 1", "settings": {"colour": 1}, "data": [], "digest": "", "tokenizer": ""}',
        '{"format": "pybpe-run 1", "settings": {"steps": -1}, "data": [], "digest": "", "tokenizer": ""}',
        '{"format": "pybpe-run 1", "settings": {}, "data": [1], "digest": "", "tokenizer": ""}',
        '{"format": "pybpe-run 1", "settings": {}, "data": null, "digest": "", "tokenizer": ""}',
    ],
)
def test_a_damaged_run_is_one_clear_error(content, tmp_path):
    (tmp_path / "run.json").write_text(content, encoding="utf-8")
    with pytest.raises(FormatError, match=r"run\.json is not that of a training run"):
        read_run(tmp_path)


def test_folders_of_something_else(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no run\.json"):
        read_run(tmp_path)
    with pytest.raises(FileNotFoundError, match="not the folder of a model"):
        load_vocabulary(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"x" * 100)
    with pytest.raises(FormatError, match="damaged"):
        load_model(tmp_path / "model.safetensors")
    save_file({"x": np.zeros(3)}, tmp_path / "model.safetensors")
    with pytest.raises(FormatError, match="not a model that pybpe saved"):
        load_model(tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="there is no engine 'steam'"):
        engine("steam")


@pytest.mark.parametrize(
    "lines",
    [["{"], ["[]"], ['{"step": 2, "loss": 1}'], ['{"step": 1}'], ['{"step": 1, "loss": "much"}'], []],
)
def test_damaged_metrics_are_one_clear_error(lines, tmp_path):
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(FormatError, match=r"metrics\.jsonl"):
        read_metrics(tmp_path, 2)


def test_metrics_beyond_the_checkpoint_are_dropped(tmp_path):
    metrics = Metrics([3.0, 0.1 + 0.2, 1.0], [(0, 4.0), (2, 3.5)])
    write_metrics(metrics, tmp_path)
    assert read_metrics(tmp_path, 3) == metrics
    assert read_metrics(tmp_path, 1) == Metrics([3.0], [(0, 4.0)])
    lines = (tmp_path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["step"] for line in lines] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "changes",
    [
        {"n_layer": 0},
        {"steps": 2.0},
        {"lr": float("nan")},
        {"lr": "1"},
        {"warmup": 1.0},
        {"schedule": "steps"},
        {"seed": "x"},
        {"lines": 1},
        {"dtype": 32},
        {"engine": None},
        {"init_std": -1.0},
        {"batch_size": True},
    ],
)
def test_settings_that_cannot_be(changes):
    with pytest.raises(ValueError, match=next(iter(changes))):
        Settings(**changes)


def test_bits_per_byte_do_not_depend_on_the_vocabulary():
    vocabulary = Characters("aé")
    ids = np.array([0, 1, 1, vocabulary.eot_token])
    assert bytes_per_token(vocabulary, ids) == (1 + 2 + 2) / 4
    assert bits_per_byte(np.log(2), 2.0) == pytest.approx(0.5)
    assert np.isnan(bits_per_byte(1.0, bytes_per_token(vocabulary, ids[:0])))


def shards(folder, tokenizer, n_val=3_000):
    """Shards whose held-out set is of n_val ids and more."""
    for name, n in (("train", 4_000), ("val", n_val)):
        for _ in write_shards(tokenizer, [("ada grace ken " * (n // 4), True)], folder, name=name):
            pass
    return folder


@pytest.mark.parametrize("name", ["train_000.bin", "val_000.bin"])
@pytest.mark.parametrize("place", [0.0, 0.5, 1.0])
def test_any_changed_id_is_noticed(tmp_path, name, place, monkeypatch):
    """Also in the middle, and in what is held out: only the ends of the training ids were looked at before."""
    monkeypatch.setattr("pybpe.gpt.training_data.DIGESTED", 100)
    tokenizer = Tokenizer.train(iter(WORDS), 270, progress=False)
    start_run(tmp_path / "run", SMALL, [shards(tmp_path / "shards", tokenizer)], tokenizer, Stop(5))
    ids = np.fromfile(tmp_path / "shards" / name, "<u2")
    ids[int(place * (len(ids) - 1))] ^= 1
    ids.tofile(tmp_path / "shards" / name)
    for read in (read_run_data, reread):
        with pytest.raises(TrainingError, match="has changed since the run began"):
            read(tmp_path / "run")


def test_a_run_of_an_earlier_version_goes_on(text, tmp_path):
    """Its run.json knows no relative places and no threads, and its digest is of the ends of the training text."""
    start_run(tmp_path / "whole", SMALL, [text], None, Watcher())
    start_run(tmp_path / "run", SMALL, [text], None, Stop(5))
    path = tmp_path / "run" / "run.json"
    fields = json.loads(path.read_text(encoding="utf-8"))
    train = read_data([text], None, lines=False, seed=SMALL.seed).train.astype("<u4")
    fields["digest"] = hashlib.sha256(f"{len(train)} ".encode() + train.tobytes() * 2).hexdigest()
    del fields["relative"], fields["threads"], fields["settings"]["special"]
    path.write_text(json.dumps(fields), encoding="utf-8")
    resume_run(tmp_path / "run", Watcher())
    assert (tmp_path / "run" / "metrics.jsonl").read_bytes() == (tmp_path / "whole" / "metrics.jsonl").read_bytes()
    path.write_text(json.dumps({**fields, "digest": fields["digest"][::-1]}), encoding="utf-8")
    with pytest.raises(TrainingError, match="has changed since the run began"):
        resume_run(tmp_path / "run", Watcher())


def test_a_run_and_its_data_may_move(text, tmp_path):
    start_run(tmp_path / "whole", SMALL, [text], None, Watcher())
    (tmp_path / "here" / "data").mkdir(parents=True)
    moved = tmp_path / "here" / "data" / "text.txt"
    moved.write_bytes(text.read_bytes())
    start_run(tmp_path / "here" / "run", SMALL, [moved], None, Stop(5))
    (tmp_path / "here").rename(tmp_path / "there")  # together: relative places stay right
    start, there = tmp_path / "there" / "run", tmp_path / "there" / "data" / "text.txt"
    assert find_data(read_run(start), start) == [there.resolve()]
    run = start.rename(tmp_path / "alone")
    with pytest.raises(FileNotFoundError, match=r"which is not there any more.*--resume .*alone DATA"):
        resume_run(run, Watcher())
    resume_run(run, Watcher(), paths=[there])
    assert (run / "metrics.jsonl").read_bytes() == (tmp_path / "whole" / "metrics.jsonl").read_bytes()
    assert find_data(read_run(run), run) == [there.resolve()]  # where it is now is remembered
    text.write_text("another text " * 500, encoding="utf-8")
    with pytest.raises(TrainingError, match="has changed since the run began"):
        resume_run(run, Watcher(), paths=[text])


def test_a_run_keeps_all_that_it_knows_of_its_data(text, tmp_path):
    """New steps, another place and other threads, one after another and together."""
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"body": line}) + "\n" for line in text.read_text("utf-8").split("\n")), "utf-8")
    start_run(tmp_path / "run", SMALL, [path], None, Stop(5), threads=2, text_field="body")
    first, moved = read_run(tmp_path / "run"), path.rename(tmp_path / "b.jsonl")
    resume_run(tmp_path / "run", Stop(9), 1, [moved], steps=SMALL.steps + 5)
    settings = replace(SMALL, steps=SMALL.steps + 5)
    place = {"data": [str(moved.resolve())], "relative": ["../b.jsonl"]}
    assert read_run(tmp_path / "run") == replace(first, settings=settings, threads=1, **place)
    assert (first.text_field, first.threads, first.relative) == ("body", 2, ["../a.jsonl"])
    moved.rename(path)
    assert resume_run(tmp_path / "run", Watcher(), paths=[path]).steps == settings.steps
    assert read_run(tmp_path / "run") == replace(first, settings=settings, threads=1)


def test_threads_are_remembered(text, tmp_path):
    start_run(tmp_path / "run", SMALL, [text], None, Stop(5), threads=2)
    resume_run(tmp_path / "run", Stop(9))
    assert read_run(tmp_path / "run").threads == 2
    resume_run(tmp_path / "run", Watcher(), threads=1)
    assert read_run(tmp_path / "run").threads == 1
    start_run(tmp_path / "own", SMALL, [text], None, Stop(5))
    assert read_run(tmp_path / "own").threads is None  # they do not change what the micro engine computes


@pytest.mark.parametrize("characters", [True, False])
@pytest.mark.parametrize("lines", [True, False])
def test_special_tokens_in_text(tmp_path, characters, lines):
    path = tmp_path / "text.txt"
    path.write_text("ada<|endoftext|>grace\n" * 30, encoding="utf-8")
    tokenizer = None if characters else Tokenizer.train(iter(WORDS), 270, progress=False)
    plain = read_data([path], tokenizer, lines=lines, seed=1)
    data = read_data([path], tokenizer, lines=lines, seed=1, special=True)
    eot = data.vocabulary.eot_token
    ids = [*data.train, *([] if data.val is None else data.val)]
    assert ids.count(eot) == (60 if lines else 30)
    assert [*plain.train].count(plain.vocabulary.eot_token) == (30 if lines else 0)
    assert not characters or "|" not in data.vocabulary.characters
    if not (characters and lines):  # such a vocabulary has no line ends
        whole = read_ids([path], data.vocabulary, special=True)
        assert data.vocabulary.decode(whole.tolist()) == path.read_text(encoding="utf-8")


@given(st.integers(0, 40), st.integers(0, 40))
def test_no_special_token_is_cut_in_two(before, after):
    """Where text without line ends is cut between training and held-out text."""
    text = "a" * before + "<|endoftext|>" + "a" * after
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "text.txt")
        path.write_text(text, encoding="utf-8")
        data = read_data([path], Characters("a<|>endoftx"), lines=False, seed=1, special=True)
    assert [*data.train, *data.val].count(data.vocabulary.eot_token) == 1


def test_special_tokens_are_not_read_in_shards(tmp_path):
    tokenizer = Tokenizer.train(iter(WORDS), 270, progress=False)
    with pytest.raises(TrainingError, match="special tokens are read in text files"):
        read_data([shards(tmp_path / "shards", tokenizer)], tokenizer, lines=False, seed=1, special=True)
