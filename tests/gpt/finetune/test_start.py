"""The model that fine-tuning starts from: rows for chat tokens, each kind of folder, and folders that are refused."""

import warnings
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install '.[gpt]'")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from pybpe import Tokenizer  # noqa: E402
from pybpe.errors import ConversationError, FormatError, TrainingError  # noqa: E402
from pybpe.gpt.checkpoint import Checkpoint, read_checkpoint, write_checkpoint  # noqa: E402
from pybpe.gpt.conversation import CHAT_TOKENS  # noqa: E402
from pybpe.gpt.demo.demo import DemoSettings, run_demo  # noqa: E402
from pybpe.gpt.demo.demo import Watcher as DemoWatcher  # noqa: E402
from pybpe.gpt.finetune.run import finetune  # noqa: E402
from pybpe.gpt.finetune.start import chat_tokenizer, read_start, shape_of, start_checkpoint, with_rows  # noqa: E402
from pybpe.gpt.huggingface import write_huggingface, write_huggingface_tokenizer  # noqa: E402
from pybpe.gpt.inference import open_model  # noqa: E402
from pybpe.gpt.micro import MicroConfig, MicroGPT  # noqa: E402
from pybpe.gpt.model import FORMS, GPT, GPTConfig  # noqa: E402
from pybpe.gpt.runs.folder import read_run  # noqa: E402
from pybpe.gpt.runs.run import Watcher, resume_run, start_run  # noqa: E402
from pybpe.gpt.sampling import Sampling  # noqa: E402
from pybpe.gpt.settings import Settings  # noqa: E402
from pybpe.gpt.vocabulary import load_vocabulary, save_vocabulary  # noqa: E402

from ..runs import small, write_text  # noqa: E402
from .chats import SMALL, TEXT  # noqa: E402

FEW = {"steps": 2, "batch_size": 2, "device": "cpu"}


def model_of(n_vocab, form="gpt2", rows=None, **changes):
    torch.manual_seed(1)
    shape = {"n_layer": 1, "n_head": 2, "n_embd": 16, "block_size": 48, **FORMS[form], **changes}
    return GPT(GPTConfig(n_vocab=n_vocab, vocab_rows=rows, **shape))


def checkpoint_of(model, vocabulary=None):
    fingerprint = None if vocabulary is None else vocabulary.fingerprint
    return Checkpoint(model.config, {name: each.detach() for name, each in model.state_dict().items()}, 0, fingerprint)


def save_model(folder, vocabulary, **changes):
    folder.mkdir()
    write_checkpoint(checkpoint_of(model_of(vocabulary.n_vocab, **changes), vocabulary), folder / "model.safetensors")
    save_vocabulary(vocabulary, folder)
    return folder


@given(
    st.sampled_from(sorted(FORMS)), st.integers(2, 40), st.integers(0, 12), st.integers(0, 12), st.integers(0, 1 << 40)
)
def test_the_logits_of_other_ids_stay_the_same(form, n_vocab, padding, new, seed):
    """Digit for digit, and the rest of the model too. Rows of padding are used before the matrices grow."""
    model = model_of(n_vocab, form, rows=n_vocab + padding)
    ids = torch.randint(n_vocab, (2, 9), generator=torch.Generator().manual_seed(seed))
    longer = with_rows(checkpoint_of(model), n_vocab + new, "f", seed)
    assert longer.config.rows == n_vocab + max(padding, new)
    assert (longer.config.n_vocab, longer.fingerprint) == (n_vocab + new, "f")
    with torch.no_grad():
        logits = longer.model().eval()(ids)
        torch.testing.assert_close(logits[..., :n_vocab], model.eval()(ids), rtol=1e-5, atol=1e-6)
    for name, weight in model.state_dict().items():
        kept = n_vocab if name in ("wte.weight", "lm_head.weight") else len(weight)
        assert torch.equal(longer.weights[name][:kept], weight[:kept])
    again = with_rows(checkpoint_of(model), n_vocab + new, "f", seed)
    assert all(torch.equal(weight, longer.weights[name]) for name, weight in again.weights.items())


@pytest.mark.parametrize("form", ["gpt2", "modern"])
def test_new_rows_are_the_mean_and_a_little_noise(form):
    model = model_of(500, form, rows=504)
    for name in ["wte.weight"] + ["lm_head.weight"] * (form == "modern"):
        rows = [with_rows(checkpoint_of(model), 509, "f", seed).weights[name][500:] for seed in (1, 1, 2)]
        assert torch.equal(rows[0], rows[1])
        assert not torch.equal(rows[0], rows[2])
        known = model.state_dict()[name][:500]
        distance = (rows[0] - known.mean(dim=0)).square().mean().sqrt() / known.std()
        assert 0.05 < distance < 0.2
        assert len(set(map(tuple, rows[0].tolist()))) == 9


def torch_run(folder, tokenizer, tmp_path, form="nanogpt"):
    text = write_text(tmp_path / "text.txt")
    start_run(folder, small(steps=2, form=form, block_size=32), [text], tokenizer, Watcher(), 1)


def micro_run(folder, tokenizer, tmp_path):
    text = write_text(tmp_path / "text.txt")
    settings = Settings(n_layer=1, n_head=2, n_embd=8, block_size=32, steps=2, batch_size=2)
    start_run(folder, settings, [text], tokenizer, Watcher(), 1)


def micro_float64(folder, tokenizer, _):
    folder.mkdir()
    save_vocabulary(tokenizer, folder)
    model = MicroGPT(MicroConfig(tokenizer.n_vocab, 1, 2, 8, 32, "float64"))
    model.save(folder / "model.safetensors", {"tokenizer": tokenizer.fingerprint})


def demo(folder, _, tmp_path):
    text = write_text(tmp_path / "text.txt")
    text.write_text(text.read_text(encoding="utf-8") * 3, encoding="utf-8")
    learning = Settings(n_layer=1, n_head=2, n_embd=8, block_size=32, batch_size=2)
    run_demo(DemoSettings(text, folder, 270, steps=2, seconds=None, passes=None, learning=learning), DemoWatcher())


def converted(folder, tokenizer, _):
    save_model(folder, tokenizer, form="modern")


def huggingface(folder, tokenizer, _, **changes):
    model = model_of(tokenizer.n_vocab, "gpt2", **changes)
    write_huggingface(checkpoint_of(model), folder, tokenizer.eot_token)
    write_huggingface_tokenizer(tokenizer, folder, 48)


def huggingface_untied(folder, tokenizer, tmp_path):
    huggingface(folder, tokenizer, tmp_path, tied=False)


def huggingface_padded(folder, tokenizer, tmp_path):
    """As fit_vocabulary allows it: a tokenizer of fewer ids than rows."""
    huggingface(folder, tokenizer, tmp_path)
    model = model_of(tokenizer.n_vocab + 12)
    write_huggingface(checkpoint_of(model), folder, tokenizer.eot_token)


def with_vocab_json(folder, _, __):
    tokenizer = Tokenizer.train(iter([TEXT]), 260, pattern="gpt2", progress=False)
    write_huggingface(checkpoint_of(model_of(tokenizer.n_vocab)), folder)
    tokenizer.to_gpt2(folder)


KINDS = [
    *(torch_run, micro_run, micro_float64, demo, converted, huggingface, huggingface_untied, huggingface_padded),
    with_vocab_json,
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_kind_of_folder_is_a_start(kind, chats, tokenizer, tmp_path):
    start = tmp_path / "start"
    kind(start, tokenizer, tmp_path)
    before = {path.name: path.read_bytes() for path in start.iterdir() if path.is_file()}
    results = finetune(start, [chats], tmp_path / "out", FEW, Watcher(), threads=1)
    assert before == {path.name: path.read_bytes() for path in start.iterdir() if path.is_file()}
    assert results.steps == 2
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *("run.json", "tokenizer.pybpe", "model.safetensors", "best.safetensors", "metrics.jsonl", "report.html"),
        "answers.json",
    }
    model, first = open_model(tmp_path / "out", "cpu"), open_model(start, "cpu")
    ids = model.vocabulary.special_tokens
    assert [ids[name] - first.vocabulary.n_vocab for name in CHAT_TOKENS] == list(range(9))
    assert model.vocabulary.encode_ordinary("the answer is 3") == first.vocabulary.encode_ordinary("the answer is 3")
    assert len(list(model.generate([ids["<|bos|>"]], 5, Sampling(), seed=1))) == 5
    assert model.n_ctx == first.n_ctx
    assert resume_run(tmp_path / "out", Watcher(), 1, steps=3).steps == 3
    again = finetune(tmp_path / "out", [chats], tmp_path / "again", FEW, Watcher(), threads=1)  # has the tokens already
    assert again.vocabulary.fingerprint == results.vocabulary.fingerprint


@pytest.mark.parametrize("form", FORMS)
def test_the_settings_say_what_the_model_is(form, tokenizer, tmp_path, chats):
    save_model(tmp_path / "start", tokenizer, form=form)
    finetune(tmp_path / "start", [chats], tmp_path / "out", FEW, Watcher(), threads=1)
    settings = read_run(tmp_path / "out").settings
    assert (settings.form, settings.n_layer, settings.n_embd, settings.block_size) == (form, 1, 16, 48)
    assert (settings.init, settings.chat) == (str((tmp_path / "start").resolve()), True)
    assert shape_of(replace(read_start(tmp_path / "start").config, activation="relu2", bias=True)).get("form") is None


def test_a_new_model_has_the_form_that_is_asked_for(tokenizer, chats, tmp_path):
    results = finetune(None, [chats], tmp_path / "run", {**SMALL, "steps": 1}, Watcher(), tokenizer=tokenizer)
    config = read_checkpoint(tmp_path / "run" / "model.safetensors").config
    assert (config.positions, config.n_layer, config.block_size) == ("rotary", 2, 48)
    assert results.vocabulary.fingerprint == chat_tokenizer(tokenizer).fingerprint
    assert load_vocabulary(tmp_path / "run").special_tokens == chat_tokenizer(tokenizer).special_tokens


@pytest.mark.parametrize(("form", "block_size"), [("modern", 20), ("modern", 96), ("gpt2", 20), ("gpt2", 96)])
def test_a_row_may_be_longer_than_the_context_only_with_rotary_positions(tokenizer, chats, tmp_path, form, block_size):
    start = save_model(tmp_path / "start", tokenizer, form=form)
    changes = {**FEW, "block_size": block_size}
    if form == "gpt2" and block_size > 48:
        with pytest.raises(TrainingError, match="learned embedding of each position; block_size 96 is too large"):
            finetune(start, [chats], tmp_path / "out", changes, Watcher(), threads=1)
        assert not (tmp_path / "out").exists()
        return
    results = finetune(start, [chats], tmp_path / "out", changes, Watcher(), threads=1)
    assert open_model(tmp_path / "out", "cpu").n_ctx == max(48, block_size)
    assert dict(results.facts)["rows"].split(" of ")[1].startswith(str(block_size + 1))


def test_a_vocabulary_of_characters_is_refused_with_the_way_out(chats, tmp_path):
    for name, engine in (("micro", {}), ("torch", {"engine": "torch", "form": "micro", "device": "cpu"})):
        settings = Settings(n_layer=1, n_head=2, n_embd=8, block_size=8, steps=1, batch_size=2, **engine)
        start_run(tmp_path / name, settings, [write_text(tmp_path / "text.txt")], None, Watcher(), 1)
        with pytest.raises(TrainingError, match=r"single characters.*pybpe gpt train DATA -t TOKENIZER"):
            finetune(tmp_path / name, [chats], tmp_path / "out", FEW, Watcher())
    assert not (tmp_path / "out").exists()


def test_folders_that_are_no_start(tokenizer, chats, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="not the folder of a model"):
        finetune(tmp_path / "empty", [chats], tmp_path / "out", FEW, Watcher())
    save_vocabulary(tokenizer, tmp_path / "empty")
    with pytest.raises(FileNotFoundError, match=r"holds no model\.safetensors"):
        finetune(tmp_path / "empty", [chats], tmp_path / "out", FEW, Watcher())
    (tmp_path / "empty" / "model.safetensors").write_bytes(b"x" * 99)
    with pytest.raises(FormatError, match="damaged"):
        finetune(tmp_path / "empty", [chats], tmp_path / "out", FEW, Watcher())
    start = save_model(tmp_path / "start", tokenizer)
    save_vocabulary(chat_tokenizer(tokenizer), start)
    with pytest.raises(FormatError, match="another vocabulary"):
        finetune(start, [chats], tmp_path / "out", FEW, Watcher())
    with pytest.raises(FileNotFoundError):
        start_checkpoint(tmp_path / "nowhere", 1)
    (tmp_path / "other").mkdir()
    huggingface(tmp_path / "other", tokenizer, tmp_path)
    write_huggingface(checkpoint_of(model_of(tokenizer.n_vocab + 40)), tmp_path / "other")
    with pytest.raises(FormatError, match="so it is another one"):
        finetune(tmp_path / "other", [chats], tmp_path / "out", FEW, Watcher())
    assert not (tmp_path / "out").exists()


def test_arguments_that_contradict_each_other(tokenizer, chats, tmp_path):
    start, out = save_model(tmp_path / "start", tokenizer), tmp_path / "out"
    for kwargs, match in (
        ({"start": None}, "give a model to start from, or the tokenizer"),
        ({"start": start, "tokenizer": tokenizer}, "give a model to start from, or the tokenizer"),
        ({"start": start, "epochs": 1.0}, "give steps or epochs"),
        ({"start": start, "out": start, "replace": True}, "is the model to start from"),
        ({"start": start, "settings": {**FEW, "n_layer": 3}}, "has n_layer 1, which cannot change"),
        ({"start": start, "settings": {**FEW, "form": "modern"}}, "has form gpt2, which cannot change"),
        ({"start": start, "settings": {"device": "cpu"}, "epochs": 1e9}, "epochs is 1e"),
        ({"start": start, "settings": {"device": "cpu"}, "epochs": float("nan")}, "epochs is nan"),
    ):
        arguments = {"conversations": [chats], "out": out, "settings": FEW, "watcher": Watcher(), **kwargs}
        with pytest.raises(TrainingError, match=match):
            finetune(**arguments)
    for changes, match in (
        ({"held_out": 0.7}, "held_out"),
        ({"lines": True}, "lines"),
        ({"engine": "micro"}, "engine"),
    ):
        with pytest.raises((ValueError, TrainingError), match=match):
            finetune(start, [chats], out, {**FEW, **changes}, Watcher())
    assert not out.exists()


def test_an_error_leaves_the_earlier_run(tokenizer, chats, tmp_path):
    start, out = save_model(tmp_path / "start", tokenizer), tmp_path / "out"
    finetune(start, [chats], out, FEW, Watcher(), threads=1)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(FileExistsError, match="exists already"):
        finetune(start, [chats], out, FEW, Watcher())
    bad = tmp_path / "bad.jsonl"
    bad.write_text("{}\n", encoding="utf-8")
    with pytest.raises(ConversationError, match=r"bad\.jsonl, line 1"):
        finetune(start, [bad], out, FEW, Watcher(), replace=True)
    with warnings.catch_warnings(), pytest.raises(TrainingError, match="the loss became"):
        warnings.simplefilter("ignore", UserWarning)
        finetune(start, [chats], out, {**FEW, "lr": 1e3, "clip": 0.0, "steps": 400}, Watcher(), replace=True)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
