"""A folder with a model is opened, and text comes out: for both engines and every kind of folder."""

import doctest
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import save_file

from pybpe import Tokenizer
from pybpe.errors import FormatError, TokenIdError, TrainingError
from pybpe.gpt import characters, finite, inference, sampling
from pybpe.gpt.characters import END, Characters
from pybpe.gpt.inference import Model, open_model
from pybpe.gpt.micro import MicroConfig, MicroGPT
from pybpe.gpt.sampling import Sampling
from pybpe.gpt.vocabulary import encode_text, save_vocabulary
from pybpe.pretokenization.patterns import PATTERNS

TEXT = "The cat sat on the mat.\nThe dog ran to the old house by the river.\n" * 20


@pytest.mark.parametrize("module", [inference, finite, sampling, characters])
def test_the_examples_of(module):
    result = doctest.testmod(module)
    assert (result.failed, result.attempted > 0) == (0, True)


@pytest.fixture
def tokenizer():
    return Tokenizer.train(iter([TEXT]), 280, special_tokens=[END, "<|user|>", "<|stop|>"], progress=False)


def micro_folder(folder, vocabulary, **config):
    """A folder as a run and the demo leave it, with weights that learned nothing."""
    folder.mkdir(exist_ok=True)
    model = MicroGPT(MicroConfig(vocabulary.n_vocab, 1, 2, 16, 16, init_std=0.3, **config))
    model.save(folder / "model.safetensors", {"tokenizer": vocabulary.fingerprint})
    save_vocabulary(vocabulary, folder)
    return folder


def torch_folder(folder, vocabulary):
    torch = pytest.importorskip("torch", reason="torch is not installed: pip install '.[gpt]'")
    from pybpe.gpt.checkpoint import Checkpoint, write_checkpoint
    from pybpe.gpt.model import FORMS, GPT, GPTConfig

    folder.mkdir(exist_ok=True)
    torch.manual_seed(1)
    model = GPT(GPTConfig(vocabulary.n_vocab, 1, 2, 16, 16, **FORMS["gpt2"]), init_std=0.3)
    saved = Checkpoint(model.config, model.state_dict(), 7, vocabulary.fingerprint)
    write_checkpoint(saved, folder / "model.safetensors")
    save_vocabulary(vocabulary, folder)
    return folder


def huggingface_folder(folder, vocabulary):
    pytest.importorskip("torch", reason="torch is not installed: pip install '.[gpt]'")
    from pybpe.gpt.huggingface import write_huggingface, write_huggingface_tokenizer
    from pybpe.gpt.pretrained import read_pretrained

    saved = read_pretrained(torch_folder(folder.with_name("torch"), vocabulary))
    write_huggingface(saved, folder, vocabulary.eot_token)
    write_huggingface_tokenizer(vocabulary, folder, 16)
    return folder


FOLDERS = {"micro": micro_folder, "torch": torch_folder, "huggingface": huggingface_folder}


@pytest.mark.parametrize("kind", FOLDERS)
def test_every_folder_opens_and_generates(kind, tokenizer, tmp_path):
    model = open_model(FOLDERS[kind](tmp_path / kind, tokenizer), "cpu")
    assert (model.n_ctx, model.vocabulary.n_vocab) == (16, tokenizer.n_vocab)
    assert model.vocabulary.encode_ordinary(TEXT) == tokenizer.encode_ordinary(TEXT)
    assert model.n_params > 0
    prompt = model.encode_prompt("The cat")
    ids = list(model.generate(prompt, 50, Sampling(1.0), seed=3))
    assert len(ids) == 50
    assert ids == list(model.network.generate(prompt, 50, 1.0, seed=3))
    first = ids.index(tokenizer.eot_token) if tokenizer.eot_token in ids else len(ids)
    assert "".join(model.stream_text("The cat", 50, Sampling(1.0), seed=3)) == tokenizer.decode(ids[:first])
    assert "".join(model.stream_text(prompt, 50, Sampling(1.0), seed=3)) == tokenizer.decode(ids[:first])


def test_a_huggingface_folder_is_the_model_that_it_was_made_of(tokenizer, tmp_path):
    folder = huggingface_folder(tmp_path / "hf", tokenizer)
    ids = [model.encode_prompt("The") for model in map(open_model, (folder, tmp_path / "torch"))]
    assert ids[0] == ids[1]
    greedy = [list(open_model(each).generate(ids[0], 30, Sampling(0))) for each in (folder, tmp_path / "torch")]
    assert greedy[0] == greedy[1]
    assert open_model(folder).vocabulary.eot_token == tokenizer.eot_token
    with pytest.raises(FileNotFoundError, match=r"holds no best\.safetensors"):
        open_model(folder, best=True)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"holds no tokenizer\.json and no vocab\.json"):
        open_model(folder)


@pytest.mark.parametrize("kind", ["micro", "torch"])
def test_stop_ids_end_generation_and_are_not_given(kind, tokenizer, tmp_path):
    model = open_model(FOLDERS[kind](tmp_path / kind, tokenizer), "cpu")
    ids = list(model.generate([1], 60, Sampling(1.0), seed=1))
    for stop in {ids[5], ids[20]}:
        assert list(model.generate([1], 60, Sampling(1.0), (stop,), seed=1)) == ids[: ids.index(stop)]
    text = "".join(model.stream_text([1], 60, Sampling(1.0), (ids[5],), seed=1))
    ends = [ids.index(id_) for id_ in (ids[5], tokenizer.eot_token) if id_ in ids]
    assert text == tokenizer.decode(ids[: min(ends)])


def test_special_tokens_in_prompts(tokenizer, tmp_path):
    model = open_model(micro_folder(tmp_path / "a", tokenizer))
    prompt = f"<|user|>The cat{END}<|stop|>"
    assert model.encode_prompt(prompt) == tokenizer.encode_ordinary(prompt)
    expected = tokenizer.encode(prompt, allowed_special="all")
    assert model.encode_prompt(prompt, special=True) == expected
    assert set(tokenizer.special_tokens.values()) <= set(expected)
    given_ids = list(model.stream_text(expected, 20, seed=1))
    assert list(model.stream_text(prompt, 20, seed=1, special=True)) == given_ids
    assert list(model.stream_text(prompt, 20, seed=1)) != given_ids


@given(st.lists(st.sampled_from(["a", "b", "<|", END, "endoftext", "|>"]), max_size=8).map("".join))
def test_special_tokens_of_characters(text):
    vocabulary = Characters("ab<|>endoftx")
    assert encode_text(vocabulary, text) == vocabulary.encode_ordinary(text)
    ids = encode_text(vocabulary, text, special=True)
    assert vocabulary.decode(ids) == text
    assert ids.count(vocabulary.eot_token) == text.count(END)
    without = Characters("ab<|>endoftx", end=False)
    assert encode_text(without, text, special=True) == without.encode_ordinary(text)


def test_an_empty_prompt_begins_a_text(tokenizer, tmp_path):
    assert open_model(micro_folder(tmp_path / "a", tokenizer)).encode_prompt("") == [tokenizer.eot_token]
    bare = Tokenizer.train(iter([TEXT]), 270, special_tokens=[], progress=False)
    with pytest.raises(TokenIdError, match="give a prompt"):
        open_model(micro_folder(tmp_path / "b", bare)).encode_prompt("")


def test_text_never_shows_half_a_character():
    tokenizer = Tokenizer.train(iter(["é"]), 256, special_tokens=[], progress=False)

    class Spells(MicroGPT):
        def __init__(self):
            pass

        def generate(self, prompt, tokens, **settings):
            return iter("aé日".encode())

    assert list(Model(Spells(), tokenizer).stream_text([97], 9)) == ["a", "", "é", "", "", "日", ""]


def test_several_prompts_at_once(tokenizer, tmp_path):
    torch_model = open_model(torch_folder(tmp_path / "torch", tokenizer), "cpu")
    prompts = ["日本", [97], "<|user|>" * 3]
    told = [[], [], []]
    settings = {"sampling": Sampling(1.0), "seeds": [1, 2, 3]}
    texts = torch_model.stream_texts(
        prompts, 40, on_text=lambda row, text: told[row].append(text), special=True, **settings
    )
    encoded = [tokenizer.encode("日本"), [97], [tokenizer.special_tokens["<|user|>"]] * 3]
    ids = torch_model.network.generate_batch(encoded, 40, stop=(tokenizer.eot_token,), **settings)
    assert texts == [tokenizer.decode(row) for row in ids]
    assert ["".join(parts) for parts in told] == texts
    assert [len(row) + 1 for row in ids] == [len(parts) for parts in told]
    with pytest.raises(TypeError, match="only the torch engine"):
        open_model(micro_folder(tmp_path / "micro", tokenizer)).stream_texts(prompts)


def test_devices(tokenizer, tmp_path):
    folder = micro_folder(tmp_path / "a", tokenizer)
    open_model(folder, "cpu")
    with pytest.raises(ValueError, match="the micro engine computes on the cpu only"):
        open_model(folder, "cuda")
    torch = pytest.importorskip("torch", reason="torch is not installed: pip install '.[gpt]'")
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="torch finds no cuda here"):
            open_model(torch_folder(tmp_path / "b", tokenizer), "cuda")


def test_folders_that_are_none(tokenizer, tmp_path):
    with pytest.raises(FileNotFoundError, match="not the folder of a model"):
        open_model(tmp_path)
    folder = micro_folder(tmp_path / "a", tokenizer)
    Tokenizer.train(iter([TEXT]), 270, progress=False).save(folder / "tokenizer.pybpe")
    with pytest.raises(FormatError, match="another vocabulary"):
        open_model(folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"holds no model\.safetensors"):
        open_model(folder)


def spoil(path: Path, value: float) -> None:
    """Put a number that is none into the weights of a file."""
    with safe_open(path, framework="numpy") as file:
        header, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    name = next(name for name in sorted(tensors) if not name.startswith("adam."))
    tensors[name].flat[1] = value
    save_file(tensors, path, header)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", FOLDERS)
def test_a_model_that_is_lost_is_one_clear_error(kind, value, tokenizer, tmp_path):
    folder = FOLDERS[kind](tmp_path / kind, tokenizer)
    spoil(folder / "model.safetensors", value)
    with pytest.raises(FormatError, match=r"is lost: .*NaN or infinity.*earlier checkpoint"):
        open_model(folder)


def test_a_model_that_is_lost_is_not_saved(tokenizer, tmp_path):
    model = MicroGPT(MicroConfig(tokenizer.n_vocab, 1, 2, 16, 16))
    model.save(tmp_path / "model.safetensors")
    before = (tmp_path / "model.safetensors").read_bytes()
    model.parameters["wte"][0, 0] = np.nan
    with pytest.raises(TrainingError, match="is lost"):
        model.save(tmp_path / "model.safetensors")
    assert (tmp_path / "model.safetensors").read_bytes() == before
    with pytest.raises(ValueError, match="logits are not finite"):
        next(Model(model, tokenizer).generate([0], 1))


def test_a_tokenizer_config_names_what_transformers_needs(tokenizer, tmp_path):
    folder = huggingface_folder(tmp_path / "hf", tokenizer)
    config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    assert config["tokenizer_class"] == "PreTrainedTokenizerFast"
    assert (config["eos_token"], config["bos_token"], config["model_max_length"]) == (END, END, 16)


@pytest.mark.filterwarnings("ignore:the corpus is too small")
@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_converted_folder_gives_its_ids_in_transformers(pattern, tmp_path):
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    text = "a\n\nb  The fox's 12345 don't 日本語 ÀÉ naïve\r\n\t x=1;  if (a) {\n  }\n"
    tokenizer = Tokenizer.train(iter([text * 9]), 330, pattern=pattern, special_tokens=[END, "<x>"], progress=False)
    theirs = transformers.AutoTokenizer.from_pretrained(huggingface_folder(tmp_path / "hf", tokenizer))
    for each in (text, "a\n\nb", "  spaces \n\n\n", f"{text}{END}<x>{text}"):
        assert theirs(each)["input_ids"] == tokenizer.encode(each, allowed_special="all")
        assert theirs.decode(tokenizer.encode(each, allowed_special="all")) == each
    assert (theirs.eos_token_id, theirs.eos_token) == (tokenizer.eot_token, END)
    model = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "hf")
    assert model.config.eos_token_id == tokenizer.eot_token
