"""`pybpe gpt convert`: convert models from and to the formats of other programs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pybpe.cli.arguments import add_command, check_output_folder, place
from pybpe.cli.console import UsageError, note, summary
from pybpe.cli.gpt_next import sample_command
from pybpe.cli.tokenizers import open_tokenizer

if TYPE_CHECKING:
    from pybpe.gpt.checkpoint import Checkpoint
    from pybpe.gpt.vocabulary import Vocabulary

KINDS = ("pybpe", "huggingface", "micro")


def add_convert(commands: Any) -> None:
    """Add `convert` to the parser."""
    parser = add_command(
        commands,
        "convert",
        "convert models from and to other programs",
        "Convert a model to the format of another program, or another program's model to one for pybpe gpt sample,\n"
        "eval and train --init. SOURCE is a GPT-2 in Hugging Face's layout (a folder, or its model.safetensors),\n"
        "nanoGPT's ckpt.pt, or a folder that pybpe wrote.",
        "examples:\n  pybpe gpt convert gpt2 -o my-gpt2                          Hugging Face's folder\n"
        "  pybpe gpt convert out/ckpt.pt -t gpt2.tiktoken -o my-gpt   nanoGPT\n"
        "  pybpe gpt convert out/ckpt.pt -t meta.pkl -o my-gpt        nanoGPT, its characters\n"
        "  pybpe gpt convert my-gpt --to huggingface -o for-transformers",
        run_convert,
    )
    parser.add_argument("source", type=place, metavar="SOURCE", help="a model: a folder or a file")
    parser.add_argument("--to", choices=KINDS, default="pybpe", help="format to write; pybpe: the torch engine (pybpe)")
    parser.add_argument(
        "-t", "--tokenizer", metavar="FILE", help="its tokenizer or nanoGPT's meta.pkl, if none is in SOURCE's folder"
    )
    parser.add_argument("--pattern", metavar="NAME|REGEX", help="how text is split, for a rank file that needs it")
    parser.add_argument("-o", "--output", type=place, required=True, metavar="FOLDER", help="folder to write")
    parser.add_argument("--force", action="store_true", help="replace a model in the folder")


def run_convert(options: argparse.Namespace) -> None:
    """Read a model, check that its vocabulary fits, and write both."""
    from pybpe.gpt.engines import need_torch
    from pybpe.gpt.runs.folder import MODEL, RUN
    from pybpe.util.files import atomic_folder

    need_torch()
    from pybpe.gpt.pretrained import fit_vocabulary, read_pretrained
    from pybpe.gpt.vocabulary import CHARACTERS, TOKENIZER, check_same

    folder: Path = options.output
    check_output_folder(folder)
    if (folder / RUN).exists():
        raise FileExistsError(f"{folder} is the folder of a training run, which stays as it is; name another folder")
    if (folder / MODEL).exists() and not options.force:
        raise FileExistsError(f"{folder / MODEL} exists already; add --force to replace it, or name another folder")
    checkpoint, vocabulary = read_pretrained(options.source), _vocabulary(options)
    if checkpoint.fingerprint is None:
        checkpoint = fit_vocabulary(checkpoint, vocabulary.n_vocab, vocabulary.fingerprint)
    check_same(vocabulary, checkpoint.fingerprint, checkpoint.config.n_vocab, str(options.source))
    if (padding := checkpoint.config.rows - vocabulary.n_vocab) > 0:
        note(f"{padding:,} rows of the model beyond the {vocabulary.n_vocab:,} ids count as padding; none is generated")
    with atomic_folder(folder) as made:
        _write(checkpoint, vocabulary, made, options.to)
        written = {path.name for path in made.iterdir()}
    for name in {CHARACTERS, TOKENIZER} - written:  # of the model that was replaced
        (folder / name).unlink(missing_ok=True)
    config = checkpoint.config
    shape = f"{config.n_layer} layers, {config.n_head} heads, {config.n_embd} wide, {config.block_size} tokens"
    rows = [
        ("model", f"{shape}, {config.n_vocab:,} ids"),
        ("files", ", ".join(sorted(p.name for p in folder.iterdir()))),
    ]
    following = "" if options.to == "huggingface" else sample_command(folder, vocabulary)
    summary(f"{options.to} in {folder}", rows, following)


def _write(checkpoint: Checkpoint, vocabulary: Vocabulary, folder: Path, kind: str) -> None:
    from pybpe import Tokenizer
    from pybpe.gpt.checkpoint import write_checkpoint
    from pybpe.gpt.huggingface import write_huggingface, write_huggingface_tokenizer
    from pybpe.gpt.pretrained import write_micro
    from pybpe.gpt.runs.folder import MODEL
    from pybpe.gpt.vocabulary import end_of_text, save_vocabulary

    if kind == "huggingface":
        write_huggingface(checkpoint, folder, end_of_text(vocabulary))
        if isinstance(vocabulary, Tokenizer):
            write_huggingface_tokenizer(vocabulary, folder, checkpoint.config.block_size)
        else:
            note("transformers has no vocabulary of characters; only the model was written")
        return
    if kind == "micro":
        write_micro(checkpoint, folder / MODEL)
    else:
        write_checkpoint(checkpoint, folder / MODEL)
    save_vocabulary(vocabulary, folder)


def _vocabulary(options: argparse.Namespace) -> Vocabulary:
    """Return the vocabulary that --tokenizer names, or the one in the folder of the model."""
    from pybpe.gpt.nanogpt_meta import META, read_meta
    from pybpe.gpt.vocabulary import CHARACTERS, TOKENIZER, load_vocabulary

    if options.tokenizer is not None:
        return _open(options.tokenizer, options.pattern)
    folder = options.source if options.source.is_dir() else options.source.parent
    if any((folder / name).exists() for name in (CHARACTERS, TOKENIZER)):
        return load_vocabulary(folder)
    if any((folder / name).exists() for name in ("tokenizer.json", "vocab.json")):
        return open_tokenizer(str(folder))
    if (folder / META).exists():
        return read_meta(folder / META)
    characters = ", or the meta.pkl of nanoGPT's characters" if options.source.suffix == ".pt" else ""
    raise UsageError(
        f"no tokenizer lies in {folder}; name the one that the model was trained with{characters}: --tokenizer FILE"
    )


def _open(name: str, pattern: str | None) -> Vocabulary:
    from pybpe.gpt.nanogpt_meta import PICKLE, read_meta

    path = Path(name)
    if path.is_file():
        with path.open("rb") as file:
            if file.read(1) == PICKLE:
                return read_meta(path)
    return open_tokenizer(name, pattern)
