"""The answers before and after: their file, the report, and files that are damaged."""

import html
import json
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install '.[gpt]'")

from pybpe.errors import ConversationError, FormatError  # noqa: E402
from pybpe.gpt.conversation import ChatFormat, Message, Part  # noqa: E402
from pybpe.gpt.finetune.answers import Answered, answer_questions, read_answers, write_answers  # noqa: E402
from pybpe.gpt.finetune.page import answers_section  # noqa: E402
from pybpe.gpt.finetune.run import finetune  # noqa: E402
from pybpe.gpt.finetune.start import chat_tokenizer  # noqa: E402
from pybpe.gpt.inference import Model  # noqa: E402
from pybpe.gpt.runs.folder import read_run, write_run  # noqa: E402
from pybpe.gpt.runs.run import Watcher, resume_run  # noqa: E402
from pybpe.gpt.vocabulary import save_vocabulary  # noqa: E402

from ..runs import Stop  # noqa: E402
from .chats import SMALL  # noqa: E402

CODE = Message("assistant", (Part("text", "x <b>\n"), Part("python", "print('</code>')"), Part("output", "2")))


def test_what_is_written_is_read(tmp_path):
    answers = [Answered("Grün?\u2028", Message("assistant", ()), CODE), Answered("", None, None)]
    assert read_answers(tmp_path) == []
    write_answers(answers, tmp_path)
    assert read_answers(tmp_path) == [
        Answered("Grün?\u2028", Message("assistant", (Part("text", ""),)), CODE),  # no parts are an empty text
        Answered("", None, None),
    ]


@pytest.mark.parametrize(
    "content",
    [
        *("", "{", "[1]", "{}x", '[{"question": 1, "before": null, "after": null}]', '[{"question": "a"}]'),
        '[{"question": "a", "before": {"role": "user", "content": "x"}, "after": null}]',
        '[{"question": "a", "before": [], "after": null}]',
        '{"question": "a"}',
        "[" * 100_000,
    ],
)
def test_a_damaged_file_is_one_clear_error(tmp_path, content):
    (tmp_path / "answers.json").write_text(content, encoding="utf-8")
    with pytest.raises(FormatError, match=r"answers\.json is damaged"):
        read_answers(tmp_path)


def test_the_page_shows_code_as_code_and_no_html_of_a_model():
    page = answers_section([Answered("<i>?", None, CODE), Answered("\x1b[1m", CODE, CODE)])
    assert "<i>" not in page
    assert "<b>" not in page
    assert "\x1b" not in page
    assert page.count(f"<code>{html.escape(CODE.parts[1].text)}</code>") == 3
    assert "not known" in page


class Fixed:
    """A network that continues each prompt with given ids, up to an id in `stop`."""

    def __init__(self, ids):
        self.ids = ids

    def generate_batch(self, prompts, max_tokens, sampling, *, stop):
        assert sampling.temperature == 0
        made = [id_ for place, id_ in enumerate(self.ids) if not any(each in stop for each in self.ids[: place + 1])]
        return [made[:max_tokens] for _ in prompts]


@pytest.mark.parametrize("end", ["<|python_end|>", "<|assistant_end|>"])
def test_an_answer_ends_after_its_first_code(tokenizer, end):
    vocabulary = chat_tokenizer(tokenizer)
    chat = ChatFormat(vocabulary)
    said = "it is <|python_start|>1+1" + end + "<|output_start|>3<|output_end|>"
    network = Fixed(vocabulary.encode(said, allowed_special="all"))
    (answer,) = answer_questions(Model(network, vocabulary), [[chat.ids["<|bos|>"]]])
    assert answer.parts == (Part("text", "it is "), Part("python", "1+1"))


def test_the_report_and_the_file_have_the_answers(tokenizer, chats, tmp_path):
    results = finetune(None, [chats], tmp_path / "run", {**SMALL, "held_out": 0.2}, Watcher(), tokenizer=tokenizer)
    assert len(results.answers) == 4
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "<h2>Answers</h2>" in page
    assert "pybpe gpt finetune" in page
    assert "held-out answers" in page
    assert "19 to train on, 5 held out" in page
    assert "trained on answers alone" in page
    for answered in results.answers:
        assert f"<h3>{html.escape(answered.question.strip())}</h3>" in page
    entries = json.loads((tmp_path / "run" / "answers.json").read_text(encoding="utf-8"))
    assert [each["question"] for each in entries] == [each.question for each in results.answers]
    questions = {
        message["messages"][0]["content"] for message in map(json.loads, chats.read_text("utf-8").splitlines())
    }
    assert {each["question"] for each in entries} <= questions


def test_a_lost_file_is_no_obstacle_and_a_damaged_one_is_an_early_error(tokenizer, chats, tmp_path):
    folder = tmp_path / "run"
    finetune(None, [chats], folder, SMALL, Stop(3), tokenizer=tokenizer, threads=1)
    (folder / "answers.json").write_text("{", encoding="utf-8")
    before = (folder / "model.safetensors").read_bytes()
    with pytest.raises(FormatError, match="remove it to go on"):
        resume_run(folder, Watcher(), 1)
    assert (folder / "model.safetensors").read_bytes() == before
    (folder / "answers.json").unlink()
    results = resume_run(folder, Watcher(), 1)
    assert {each.before for each in results.answers} == {None}
    assert None not in {each.after for each in results.answers}
    assert "not known" in (folder / "report.html").read_text(encoding="utf-8")


def test_a_run_that_is_prepared_and_named_chat_by_a_stranger(tokenizer, chats, tmp_path):
    """A run.json that says chat without a tokenizer for it is an error, not a crash."""
    folder = tmp_path / "run"
    finetune(None, [chats], folder, SMALL, Stop(3), tokenizer=tokenizer, threads=1)
    save_vocabulary(tokenizer, folder)
    write_run(replace(read_run(folder), tokenizer=tokenizer.fingerprint), folder)
    with pytest.raises(ConversationError, match="has no token"):
        resume_run(folder, Watcher(), 1)
