"""`pybpe train`: train a tokenizer on a corpus, and write it to a file."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pybpe.cli.arguments import STDIN, add_command, check_inputs, check_output_file, default_name, text_field
from pybpe.cli.console import print_json, progress, summary
from pybpe.cli.tokenizers import open_tokenizer
from pybpe.cli.train_corpus import Corpus
from pybpe.cli.train_counts import AnyCorpus, Counted, CountedCorpus
from pybpe.cli.train_evaluation import EvaluationText
from pybpe.cli.train_options import EXAMPLES, SENTENCEPIECE, SPECIAL, VOCAB_SIZE, WHOLE, add_options, check_options
from pybpe.cli.train_summary import as_json, next_command, rows

if TYPE_CHECKING:
    from pybpe import Tokenizer
    from pybpe.data.readers.blocks import Cut


def add_commands(commands: Any) -> None:
    """Add `train`."""
    parser = add_command(
        commands,
        "train",
        "learn a tokenizer from text",
        "Learn a tokenizer from text files and write it to one file.",
        EXAMPLES,
        run,
    )
    add_options(parser)


def run(options: argparse.Namespace) -> None:
    """Check all options and paths, train, write the tokenizer, and print a summary."""
    check_options(options)
    extended = open_tokenizer(options.extend, *(options.pattern or [])) if options.extend else None
    evaluation = EvaluationText(options)
    corpus = _corpus(options, extended, evaluation)
    output = options.output or Path(default_name(_named(options, corpus), "tokenizer") + ".pybpe")
    inputs = [*corpus.files, *evaluation.files]
    check_output_file(output, inputs, options.force)
    evaluation.check(output, corpus)
    counted = Counted(options.save_counts)
    counted.check(inputs, [output, *filter(None, [options.report])], options.force)
    began = time.perf_counter()
    try:
        with progress() as callback:
            tokenizer = _learner(options, extended)(
                corpus.source(),
                min_frequency=options.min_frequency,
                max_token_length=options.max_token_length,
                protect_special=None if options.special_in_text is None else options.special_in_text == "cut",
                max_words=options.max_words,
                threads=options.threads,
                progress=corpus.counting_bytes(callback),
                keep_on_interrupt=options.keep_on_interrupt,
                text_field=corpus.text_field,
                on_counted=counted,
            )
    except KeyboardInterrupt as stop:
        raise type(stop)(counted.interrupted) from None
    taken = time.perf_counter() - began
    tokenizer.save(output)
    evaluated = evaluation.measure(tokenizer, output, corpus)
    if options.json:
        facts = as_json(tokenizer, corpus, counted, options.convention or "pybpe", output, taken)
        print_json({**facts, "extends": options.extend, "evaluation": evaluated})
        return
    summary(
        f"trained {output}",
        rows(tokenizer, extended, corpus, counted, options.convention or "pybpe", output, taken),
        next_command(output, options.corpus, corpus),
    )


def _corpus(options: argparse.Namespace, extended: Tokenizer | None, evaluation: EvaluationText) -> AnyCorpus:
    """Return the corpus: word counts, files, or standard input."""
    if options.counts:
        return CountedCorpus(options.counts)
    files = [] if options.corpus == [STDIN] else check_inputs(options.corpus)
    field = text_field(options, [*files, *evaluation.files])
    return Corpus(files, _cut(options, extended), field, options.held_out, options.seed)


def _named(options: argparse.Namespace, corpus: AnyCorpus) -> list[Path]:
    """Return the files for the default name of the output; [] for counts, which may serve many tokenizers."""
    return [] if options.counts else corpus.files


def _special(options: argparse.Namespace) -> list[str]:
    return [] if options.no_special else options.special or [SPECIAL]


def _pattern(options: argparse.Namespace) -> list[str] | None:
    return None if options.pattern and options.pattern[0] in WHOLE else options.pattern or ["gpt4"]


def _cut(options: argparse.Namespace, extended: Tokenizer | None) -> Cut | None:
    """Return the function that finds cuts in the text."""
    from pybpe import WordCounts

    if extended:
        return extended.cut
    if options.convention == SENTENCEPIECE:
        return WordCounts.for_sentencepiece().cut
    return WordCounts(_pattern(options), protect=_special(options)).cut


def _learner(options: argparse.Namespace, extended: Tokenizer | None) -> Callable[..., Tokenizer]:
    """Return Tokenizer.train or Tokenizer.extend with the options that only one of them has."""
    from functools import partial

    from pybpe import Tokenizer

    if extended:
        return partial(extended.extend, vocab_size=options.vocab_size)
    train = partial(
        Tokenizer.train,
        vocab_size=options.vocab_size or VOCAB_SIZE,
        special_tokens=_special(options),
        convention=options.convention or "pybpe",
        initial_alphabet=options.initial_alphabet or "",
        normalizer=options.normalizer,
    )
    return train if options.counts or options.convention == SENTENCEPIECE else partial(train, pattern=_pattern(options))
