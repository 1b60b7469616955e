"""sentencepiece models beside the real package: the same ids, the same text, and our files opened by it."""

from __future__ import annotations

import io
import os
import pickle
import random

import pytest
from support.parity_texts import boundary_strings, code_points

from pybpe import Tokenizer
from pybpe.formats.helpers.protobuf import bytes_field, float_field, varint_field
from pybpe.formats.sentencepiece import BYTE, CONTROL, NORMAL, UNKNOWN, USER_DEFINED

sentencepiece = pytest.importorskip("sentencepiece", reason="the ids of models are compared with sentencepiece")

RANDOM_STRINGS = int(os.environ.get("PYBPE_RANDOM_STRINGS", "20000"))
LINES = [
    "The quick brown fox jumps over the lazy dog, and the dog doesn't mind at all.",
    "It's 2024 now: 12345 numbers, 3.14159 of pi,   many   spaces ab abc <sep>",
    "Größe, naïve café, Ελληνικά, русский язык, 中文字符, 日本語の文章, 한국어, हिन्दी, 🙂🙃",
    "def encode(self, text: str) -> list[int]: return self._encoder.encode(text)",
    "１２３ ﬁne ①②③ ＡＢＣ ﾊﾝｶｸ ½ … ™ é é 가 가",
]
PARTS = [
    *"  ▁▁abc①ﬁＡ１é\u0300\u0301가ᄀ\u1161\u11a8ﷺ\u3000\u00a8が\u3099\t\n\u200b\ufffd",
    "<sep>",
    "abc",
    "<c>",
    "<unk>",
    "<s>",
]
TRAINED = {
    "as sentencepiece does it": {},
    "identity": {"normalization_rule_name": "identity", "byte_fallback": True, "remove_extra_whitespaces": False},
    "nfkc": {"normalization_rule_name": "nfkc", "byte_fallback": True},
    "folded": {"normalization_rule_name": "nmt_nfkc_cf"},
    "symbols": {
        "user_defined_symbols": ["<sep>", "ab", "abc", "▁▁", "\t", "é", "１"],
        "control_symbols": ["<c>"],
        "byte_fallback": True,
        "remove_extra_whitespaces": False,
    },
    "no split": {
        "split_by_whitespace": False,
        "allow_whitespace_only_pieces": True,
        "byte_fallback": True,
        "add_dummy_prefix": False,
        "remove_extra_whitespaces": False,
    },
    "unknown": {"character_coverage": 0.98, "unk_surface": "?", "pad_id": 3},
}


@pytest.fixture(scope="module")
def mistral(vocabs):
    path = vocabs / "mistral_v1" / "tokenizer.model"
    if not path.exists():
        pytest.skip("no mistral_v1/tokenizer.model among the public vocabularies")
    return Tokenizer.from_sentencepiece(path), sentencepiece.SentencePieceProcessor(model_file=str(path))


@pytest.fixture(scope="module", params=TRAINED)
def trained(request, tmp_path_factory):
    content = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(LINES * 9),
        model_writer=content,
        model_type="bpe",
        vocab_size=700,
        hard_vocab_limit=False,
        minloglevel=2,
        **TRAINED[request.param],
    )
    path = tmp_path_factory.mktemp("model") / "t.model"
    path.write_bytes(content.getvalue())
    return Tokenizer.from_sentencepiece(path), sentencepiece.SentencePieceProcessor(model_file=str(path))


def random_texts(count: int, seed: int) -> list[str]:
    rng = random.Random(seed)
    chars = [*"".join(LINES), *PARTS * 4]
    mixed = ["".join(rng.choices(chars, k=rng.randrange(1, 30))) for _ in range(count - count // 2)]
    return [*boundary_strings(seed, count // 2), *mixed]


def check_ids(pair, strings) -> None:
    ours, theirs = pair
    expected = theirs.encode(strings)
    for string, ids, wanted in zip(strings, ours.encode_batch(strings, disallowed_special=()), expected, strict=True):
        assert ids == wanted, string


def test_real_texts(mistral, texts):
    ours, theirs = mistral
    for content in texts.values():
        content = content[:2_000_000]
        ids = theirs.encode(content)
        assert ours.encode_to_numpy(content, disallowed_special=()).tolist() == ids
        assert ours.decode(ids) == theirs.decode(ids)


def test_every_code_point_and_random_strings(mistral):
    check_ids(mistral, list(code_points()))
    check_ids(mistral, random_texts(RANDOM_STRINGS, 9))


def test_trained_models(trained):
    check_ids(trained, random_texts(RANDOM_STRINGS // 5, 10))
    check_ids(trained, [*code_points(0, 0x4000), *code_points(0xA000, 0x12000), *code_points(0x1D000, 0x20000), *LINES])


CHARS = "ab▁é中文\n-"
STRING_CHARS = "aabb ▁é中文\n-x語"


def random_model(rng: random.Random) -> bytes:
    """Pieces of all kinds in any order, many with equal scores, some of characters that are no pieces."""
    byte_fallback, highest = rng.random() < 0.5, rng.choice((1, 3, 50))
    pieces = {"<unk>": (UNKNOWN, 0.0), "<s>": (CONTROL, 0.0)}
    if byte_fallback:
        pieces.update({f"<0x{byte:02X}>": (BYTE, 0.0) for byte in range(256)})
    for _ in range(rng.randrange(4)):
        pieces.setdefault("".join(rng.choices(CHARS, k=rng.randrange(1, 4))), (USER_DEFINED, 0.0))
    for char in CHARS:
        if char == "▁" or rng.random() < 0.7:
            pieces.setdefault(char, (NORMAL, -1.0))
    for _ in range(rng.randrange(40)):
        name = "".join(rng.choices(rng.choice((CHARS, "ab▁")), k=rng.randrange(2, rng.choice((3, 7)))))
        pieces.setdefault(name, (NORMAL, float(rng.randrange(-highest, highest))))
    shuffled = rng.sample(list(pieces.items()), len(pieces))
    content = b"".join(
        bytes_field(1, bytes_field(1, name.encode()) + float_field(2, score) + varint_field(3, kind))
        for name, (kind, score) in shuffled
    )
    unknown = rng.choice((b"", bytes_field(44, b""), bytes_field(44, b" x ")))
    normalizer = varint_field(3, rng.random() < 0.6) + varint_field(4, rng.random() < 0.5)
    return (
        content
        + bytes_field(2, varint_field(3, 2) + varint_field(35, byte_fallback) + unknown)
        + bytes_field(3, normalizer)
    )


def test_random_models(tmp_path):
    rng = random.Random(15)
    path = tmp_path / "t.model"
    for _ in range(200):
        path.write_bytes(random_model(rng))
        ours, theirs = Tokenizer.from_sentencepiece(path), sentencepiece.SentencePieceProcessor(model_file=str(path))
        strings = ["".join(rng.choices(STRING_CHARS, k=rng.randrange(rng.choice((8, 40, 90))))) for _ in range(25)]
        check_ids((ours, theirs), [*strings, " ".join(strings) * 60])
        for string in strings:
            ids = [*theirs.encode(string), *rng.choices(range(ours.n_vocab), k=6)]
            assert ours.decode(ids) == theirs.decode(ids)


def test_decoding(trained):
    check_decoding(*trained)


def test_decoding_of_the_public_model(mistral):
    check_decoding(*mistral)


def check_decoding(ours, theirs) -> None:
    rng = random.Random(11)
    spaces = [token for token in range(ours.n_vocab) if theirs.id_to_piece(token) in ("▁", "▁▁", "▁a", "▁t")]
    for _ in range(4000):
        choices = [rng.randrange(ours.n_vocab), rng.randrange(300), rng.randrange(4), *spaces]
        ids = rng.choices(choices, k=rng.randrange(9))
        stream = ours.decode_stream()
        assert ours.decode(ids) == theirs.decode(ids) == "".join(map(stream.feed, ids)) + stream.finish(), ids
    for text in random_texts(500, 12):
        ids = theirs.encode(text)
        assert ours.decode(ids) == theirs.decode(ids)


def test_places_cover_the_tokens(trained):
    ours, theirs = trained
    for text in random_texts(300, 13):
        ids = theirs.encode(text)
        if ours.info["byte_fallback"] or theirs.unk_id() not in ids:
            found, places = ours.encode_with_offsets(text, disallowed_special=())
            assert found == ids
            assert all(0 <= start <= end <= len(text) for start, end in places)


def test_our_files_in_their_package(trained, tmp_path):
    ours, theirs = trained
    pickle.loads(pickle.dumps(ours)).to_sentencepiece(tmp_path / "again.model")
    again = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "again.model"))
    for text in random_texts(1000, 14):
        assert again.encode(text) == theirs.encode(text)
    for token in range(theirs.vocab_size()):
        assert again.id_to_piece(token) == theirs.id_to_piece(token)
        assert again.get_score(token) == theirs.get_score(token)
