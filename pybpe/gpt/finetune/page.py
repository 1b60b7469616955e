"""The answers before and after fine-tuning, as a section of the report of a run."""

from __future__ import annotations

from collections.abc import Sequence

from pybpe.gpt.conversation import Message
from pybpe.gpt.finetune.answers import ANSWER_TOKENS, Answered
from pybpe.gpt.runs.style import shown


def answers_section(answers: Sequence[Answered]) -> str:
    """Return the section: each question, and the answers before and after training side by side, as HTML."""
    lead = (
        f"The first questions of some conversations, answered greedily with at most {ANSWER_TOKENS} tokens. Code in an "
        "answer was not run, and ends it."
    )
    return f"<h2>Answers</h2><p>{lead}</p>{''.join(map(_pair, answers))}"


def _pair(answered: Answered) -> str:
    before, after = _answer(answered.before, "before"), _answer(answered.after, "after")
    return f'<div class="pair"><h3>{shown(answered.question)}</h3>{before}{after}</div>'


def _answer(answer: Message | None, when: str) -> str:
    if answer is None:
        content = "not known"
    else:
        content = "".join(
            shown(part.text) if part.kind == "text" else f"<code>{shown(part.text)}</code>" for part in answer.parts
        )
    return f'<div><p class="label">{when}</p><div class="sample {when}">{content}</div></div>'
