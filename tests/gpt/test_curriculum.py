"""The curriculum: what its conversations say is true, and what is held out for tests is in none of them."""

import hashlib
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pybpe.cli.main import main
from pybpe.gpt import curriculum_texts as texts
from pybpe.gpt.conversation import parse_conversation, read_conversations
from pybpe.gpt.curriculum import (
    TEST_SETS,
    TOPICS,
    Scope,
    held_out,
    make_conversations,
    make_questions,
    sum_key,
    write_curriculum,
)

SEEDS = st.integers(0, 2**64)
COUNT, SUM = re.compile(r"'([a-z]+)'\.count\('([a-z])'\)"), re.compile(r"(\d+) \+ (\d+)")
FIELDS = {"letter": "'?([a-z])'?", "word": "['\"]?([a-z]+)['\"]?", "first": r"(\d+)", "second": r"(\d+)"}
GREETING = "(?:" + "|".join(map(re.escape, texts.GREETINGS)) + ")?"
scopes = st.builds(
    Scope,
    topics=st.lists(st.sampled_from(sorted(TOPICS)), min_size=1, unique=True).map(tuple),
    letters=st.sampled_from(["abcdefghijklmnopqrstuvwxyz", "abcdef", "xyz"]),
    real_words=st.booleans(),
    word_lengths=st.sampled_from([(5, 5), (5, 12), (30, 40)]),
    most_digits=st.integers(1, 18),
    templates=st.none() | st.integers(1, 30),
    plain=st.booleans(),
)


def output_of(code: str) -> str:
    """The output of code as the curriculum writes it, computed without running it."""
    if found := COUNT.fullmatch(code):
        return str(sum(letter == found[2] for letter in found[1]))
    first, second = SUM.fullmatch(code).groups()
    return str(int(first) + int(second))


def key_of(code: str) -> str:
    """The word or the sum by which code is held out or not."""
    return found[1] if (found := COUNT.fullmatch(code)) else sum_key(*map(int, SUM.fullmatch(code).groups()))


def exchanges(seed: int, n: int = 30, scope: Scope | None = None):
    """The (question, parts of the answer) of some conversations."""
    for conversation in make_conversations(n, seed, scope):
        messages = parse_conversation(conversation)
        yield from ((messages[at].text, messages[at + 1].parts) for at in range(0, len(messages), 2))


def is_of(question: str, templates: tuple[str, ...]) -> bool:
    """True if a question can come from one of the templates."""
    for template in templates:
        pattern = re.escape(template.rstrip("?.!"))
        for name, field in FIELDS.items():
            pattern = pattern.replace(re.escape("{" + name + "}"), field)
        if re.fullmatch(f"{GREETING}{pattern}[?.!]*", question, re.IGNORECASE):
            return True
    return False


@settings(max_examples=60, deadline=None)
@given(SEEDS, scopes)
def test_code_outputs_and_answers_are_right(seed, scope):
    for question, parts in exchanges(seed, scope=scope):
        kinds = [part.kind for part in parts]
        if kinds == ["text"]:
            assert not set(scope.topics) <= {"count", "sum"}
            if is_of(question, texts.SPELLING_QUESTIONS):
                word = parts[0].text.replace("-", "")
                assert parts[0].text == "-".join(word)
                assert re.search(rf"(?<![a-z]){word}(?![a-z])", question)
                assert not held_out(word)
            continue
        assert kinds == ["python", "output", "text"]
        code, output, answer = (part.text for part in parts)
        assert output == output_of(code)
        assert re.search(r"\d+$", answer)[0] == output
        assert all(value in question for value in (COUNT.fullmatch(code) or SUM.fullmatch(code)).groups())


@settings(max_examples=40, deadline=None)
@given(SEEDS, SEEDS, scopes, st.sampled_from(TEST_SETS))
def test_no_conversation_has_what_a_test_question_has(seed, other, scope, test_set):
    learned = [(question, parts[0].text) for question, parts in exchanges(seed, scope=scope) if len(parts) == 3]
    tested = make_questions(test_set, 5, other, scope)
    assert not [code for _, code in learned if held_out(key_of(code))]
    assert all(held_out(key_of(question.code)) for question in tested)
    new = texts.COUNT_QUESTIONS_HELD_OUT + texts.SUM_QUESTIONS_HELD_OUT
    old = texts.COUNT_QUESTIONS + texts.SUM_QUESTIONS
    assert all(is_of(question, old) and not is_of(question, new) for question, _ in learned)
    assert all(is_of(question.question, new if test_set == "templates" else old) for question in tested)
    assert not any(is_of(question.question, old if test_set == "templates" else new) for question in tested)
    for question in tested:
        assert question.result == output_of(question.code)
        assert question.answer.endswith(question.result)


def test_the_templates_that_are_held_out_are_others():
    for old, new in (
        (texts.COUNT_QUESTIONS, texts.COUNT_QUESTIONS_HELD_OUT),
        (texts.SUM_QUESTIONS, texts.SUM_QUESTIONS_HELD_OUT),
    ):
        assert len({*old, *new}) == len(old) + len(new)


def test_about_three_tenths_are_held_out():
    assert 0.25 < sum(map(held_out, texts.WORDS)) / len(texts.WORDS) < 0.35
    assert len(set(texts.WORDS)) == len(texts.WORDS)
    sums = [sum_key(first, second) for first in range(100) for second in range(first, 100)]
    assert 0.28 < sum(map(held_out, sums)) / len(sums) < 0.32
    assert held_out("strawberry")
    assert held_out(sum_key(86, 417)) is held_out(sum_key(417, 86)) is True


@given(SEEDS, st.integers(0, 20), st.integers(0, 20))
def test_more_conversations_begin_with_the_same(seed, fewer, more):
    few, many = (list(make_conversations(n, seed)) for n in (fewer, fewer + more))
    assert many[:fewer] == few
    assert len(many) == fewer + more


def test_a_seed_gives_the_same_on_every_python():
    questions = [each.question for each in make_questions("templates", 50, 5)]
    text = json.dumps([list(make_conversations(200, 5)), questions])
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "4c44cb09f075ea53"


def test_seeds_give_different_conversations():
    assert len({json.dumps(list(make_conversations(3, seed))) for seed in range(50)}) == 50


def test_half_of_the_words_are_random_strings():
    words = [COUNT.fullmatch(parts[0].text)[1] for _, parts in exchanges(1, 2000, Scope(topics=("count",)))]
    assert 0.45 < sum(word in texts.WORDS for word in words) / len(words) < 0.55
    random_words = [word for word in words if word not in texts.WORDS]
    assert len(set(random_words)) > 0.9 * len(random_words)
    assert not any(word in texts.WORDS for word in map(word_of, exchanges(1, 300, Scope(("count",), real_words=False))))


def word_of(exchange) -> str:
    return COUNT.fullmatch(exchange[1][0].text)[1]


def test_questions_are_different_and_as_many_as_asked_for():
    for test_set, n in (("words", 500), ("sums", 200), ("templates", 200)):
        questions = make_questions(test_set, n, 9)
        assert len({key_of(question.code) for question in questions}) == n
    narrow = Scope(letters="ab", word_lengths=(7, 7), real_words=False)
    n_words = sum(held_out(format(number, "07b").replace("0", "a").replace("1", "b")) for number in range(128))
    assert len(make_questions("words", n_words, 1, narrow)) == n_words
    with pytest.raises(ValueError, match=f"only {n_words} different questions"):
        make_questions("words", n_words + 1, 1, narrow)
    with pytest.raises(ValueError, match="no test set 'letters'"):
        make_questions("letters", 1)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"topics": ()}, "topics"),
        ({"topics": ("poems",)}, "topics"),
        ({"letters": ""}, "letters"),
        ({"letters": "aé"}, "letters"),
        ({"word_lengths": (1, 12)}, "at least 100 words"),
        ({"word_lengths": (9, 8)}, "word_lengths"),
        ({"word_lengths": (9, 101)}, "word_lengths"),
        ({"most_digits": 0}, "most_digits"),
        ({"most_digits": 19}, "most_digits"),
        ({"templates": 0}, "templates"),
    ],
)
def test_scopes_that_are_not_allowed(fields, message):
    with pytest.raises(ValueError, match=message):
        Scope(**fields)


def test_a_file_holds_the_conversations(tmp_path):
    write_curriculum(tmp_path / "c.jsonl", 40, 3)
    found = list(read_conversations(tmp_path / "c.jsonl"))
    assert found == [parse_conversation(conversation) for conversation in make_conversations(40, 3)]


def test_the_command_writes_them(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_curriculum(tmp_path / "expected.jsonl", 25, 7)
    command = ["gpt", "curriculum", "-o", "c.jsonl", "--n", "25", "--seed", "7"]
    assert main(command) == 0
    assert (tmp_path / "c.jsonl").read_bytes() == (tmp_path / "expected.jsonl").read_bytes()
    assert "pybpe gpt finetune RUN c.jsonl" in capsys.readouterr().out
    assert main(command) == 1
    assert "--force" in capsys.readouterr().err
    assert main([*command[:-1], "8", "--force"]) == 0
    assert (tmp_path / "c.jsonl").read_bytes() != (tmp_path / "expected.jsonl").read_bytes()
