"""The answers of a model to a few questions, before and after fine-tuning: a file in the folder of the run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pybpe.errors import FormatError
from pybpe.gpt.conversation import ASSISTANT_END, PYTHON_END, ChatFormat, Message, parse_conversation
from pybpe.gpt.inference import Model
from pybpe.gpt.runs.folder import ANSWERS, MODEL
from pybpe.gpt.sampling import Sampling
from pybpe.tokenizer import Tokenizer
from pybpe.util.files import write_atomic

if TYPE_CHECKING:
    from pybpe.gpt.finetune.data import ChatData
    from pybpe.gpt.generation import Inference
    from pybpe.gpt.settings import Settings

ANSWER_TOKENS = 128
MOST_BYTES = 1 << 22  # of answers.json


@dataclass(frozen=True)
class Answered:
    """A question with the answers of the model before and after training. None for an answer that was not made."""

    question: str
    before: Message | None
    after: Message | None


def ask_before(folder: Path, settings: Settings, data: ChatData) -> list[Answered]:
    """Return the questions with the answers of the model that the run in `folder` starts from, and write answers.json.

    They are read from that file if the run has begun already. FormatError if it is damaged; if it is missing then, the
    answers from before are not known.
    """
    if (folder / ANSWERS).exists() or (folder / MODEL).exists():
        before = {each.question: each.before for each in read_answers(folder)}
        texts = [question_text(data.tokenizer, question) for question in data.questions]
        return [Answered(text, before.get(text), None) for text in texts]
    import torch

    from pybpe.gpt.devices import find_device
    from pybpe.gpt.generation import Inference
    from pybpe.gpt.new_model import new_model

    torch.manual_seed(settings.seed)  # the same new weights as those that are trained
    dtype = torch.float64 if settings.dtype == "float64" else torch.float32
    network = Inference(new_model(settings, data).to(find_device(settings.device), dtype))
    found = answer_questions(Model(network, data.vocabulary), data.questions)
    answers = [
        Answered(question_text(data.tokenizer, question), answer, None)
        for question, answer in zip(data.questions, found, strict=True)
    ]
    write_answers(answers, folder)
    return answers


def ask_after(folder: Path, model: Model, data: ChatData, before: Sequence[Answered]) -> list[Answered]:
    """Return the questions with the answers of the trained model added, and write answers.json."""
    found = answer_questions(model, data.questions)
    answers = [replace(each, after=answer) for each, answer in zip(before, found, strict=True)]
    write_answers(answers, folder)
    return answers


def answer_questions(model: Model, questions: Sequence[Sequence[int]]) -> list[Message]:
    """Return greedy answers of a model of the torch engine, of at most ANSWER_TOKENS ids, to prompts of ids.

    No code is run: an answer ends after the first code that the model writes.
    """
    chat = ChatFormat(cast(Tokenizer, model.vocabulary))
    network = cast("Inference", model.network)
    stop = (chat.ids[ASSISTANT_END], chat.ids[PYTHON_END])
    rows = network.generate_batch(questions, ANSWER_TOKENS, Sampling(temperature=0), stop=stop)
    return [Message("assistant", tuple(chat.parts(row))) for row in rows]


def question_text(tokenizer: Tokenizer, question: Sequence[int]) -> str:
    """Return the text of a prompt of ids, without its chat tokens."""
    special = set(ChatFormat(tokenizer).ids.values())
    return tokenizer.decode([id_ for id_ in question if id_ not in special])


def as_text(answer: Message) -> str:
    """Return an answer as plain text, code and output on lines of their own.

    >>> from pybpe.gpt.conversation import Part
    >>> as_text(Message("assistant", (Part("text", "It is "), Part("python", "1+1"))))
    'It is \\n[python] 1+1\\n'
    """
    return "".join(part.text if part.kind == "text" else f"\n[{part.kind}] {part.text}\n" for part in answer.parts)


def write_answers(answers: Sequence[Answered], folder: Path) -> None:
    """Write answers.json: a list of {"question": text, "before": message or null, "after": message or null}."""
    entries = [
        {
            "question": each.question,
            "before": None if each.before is None else each.before.as_json(),
            "after": None if each.after is None else each.after.as_json(),
        }
        for each in answers
    ]
    write_atomic(folder / ANSWERS, (json.dumps(entries, indent=1) + "\n").encode())


def read_answers(folder: Path) -> list[Answered]:
    """Read answers.json; an empty list if there is none. FormatError if it is damaged."""
    path = folder / ANSWERS
    if not path.exists():
        return []
    try:
        with path.open("rb") as file:
            entries = json.loads(file.read(MOST_BYTES))
        return [Answered(_text(each["question"]), _answer(each["before"]), _answer(each["after"])) for each in entries]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise FormatError(f"{path} is damaged: {error}; remove it to go on without the answers from before") from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("a question must be a string")
    return value


def _answer(value: Any) -> Message | None:
    if value is None:
        return None
    return parse_conversation([{"role": "user", "content": ""}, value])[1]  # which checks that it is the assistant's
