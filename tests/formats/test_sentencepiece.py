"""sentencepiece models made by hand: what is read, what is refused and why, and what goes with a tokenizer of them."""

from __future__ import annotations

import hashlib
import pickle
import random
import struct
import time

import pytest

from pybpe import FormatError, TokenIdError, Tokenizer
from pybpe.formats import native
from pybpe.formats.helpers.protobuf import bytes_field, float_field, varint_field
from pybpe.formats.sentencepiece import BYTE, CONTROL, NORMAL, UNKNOWN, UNUSED, USER_DEFINED, loads, pattern_of

START = [("<unk>", UNKNOWN), ("<s>", CONTROL), ("</s>", CONTROL)]
BYTES = [(f"<0x{byte:02X}>", BYTE) for byte in range(256)]
WORDS = ["▁l", "lo", "▁lo", "▁low", "er", "▁lower", "中文", "▁", "l", "o", "w", "e", "r", "中"]
IDENTITY = varint_field(3, 1) + varint_field(4, 0) + varint_field(5, 1)


def piece(name, kind=NORMAL, score=0.0) -> bytes:
    return bytes_field(1, bytes_field(1, name.encode()) + float_field(2, score) + varint_field(3, kind))


def model(words=WORDS, symbols=(), byte_fallback=True, normalizer=IDENTITY, trainer=b"", more=b"", start=None) -> bytes:
    named = START if start is None else start
    pieces = [*named, *((name, USER_DEFINED) for name in symbols), *(BYTES if byte_fallback else [])]
    content = b"".join(piece(*entry) for entry in pieces)
    content += b"".join(piece(word, NORMAL, -float(number)) for number, word in enumerate(words))
    spec = varint_field(3, 2) + varint_field(35, byte_fallback) + trainer
    return content + bytes_field(2, spec) + bytes_field(3, normalizer) + more


def tokenizer(**parts) -> Tokenizer:
    return Tokenizer(loads(model(**parts)))


def names_of(tok: Tokenizer, ids) -> list[bytes]:
    return [tok.token_bytes(token) for token in ids]


def test_pieces_merge_by_their_scores():
    tok = tokenizer()
    assert names_of(tok, tok.encode("low lower")) == [b" low", b" lower"]
    assert tok.decode(tok.encode("low lower")) == "low lower"
    assert tok.info["rule"] == "scores"
    assert tok.info["byte_fallback"] is True


def test_of_equal_scores_the_leftmost_merges_first():
    content = b"".join(piece(*entry) for entry in START)
    content += b"".join(piece(word, NORMAL, 1.0) for word in ("ab", "bc", "a", "b", "c", "▁"))
    content += bytes_field(2, varint_field(3, 2)) + bytes_field(3, IDENTITY)
    tok = Tokenizer(loads(content))
    assert names_of(tok, tok.encode("abc" * 40))[1:] == [b"ab", b"c"] * 40


def test_a_character_without_a_piece_is_its_bytes():
    tok = tokenizer()
    assert names_of(tok, tok.encode("é中文丮")) == [b" ", b"\xc3", b"\xa9", "中文".encode(), b"\xe4", b"\xb8", b"\xae"]
    assert tok.decode(tok.encode("é中文丮")) == "é中文丮"


def test_a_piece_may_hold_characters_that_are_none():
    tok = tokenizer()
    assert names_of(tok, tok.encode("中文文")) == [b" ", "中文".encode(), *(bytes([byte]) for byte in "文".encode())]


def test_without_bytes_a_run_of_unknown_characters_is_one_token():
    tok = tokenizer(byte_fallback=False)
    ids = tok.encode("éà low é" + "ß" * 100)
    assert [tok.vocab[token] for token in ids] == [b" ", b"<unk>", b" low", b" ", b"<unk>"]
    assert tok.decode(ids) == " ⁇  low  ⁇ "
    assert tok.count("éà low é") == 5
    assert tok.encode_batch(["éé", "é"]) == [[tok.token_id(" "), 0]] * 2
    with pytest.raises(ValueError, match="offsets are not available"):
        tok.encode_with_offsets("é")
    assert tok.encode_with_offsets("low")[1] == [(0, 3)]


def test_symbols_of_users_come_first_and_whole():
    tok = tokenizer(words=["▁l", "er", "▁", "l", "o", "w"], symbols=["lo", "low", "▁▁", "<x>"])
    assert names_of(tok, tok.encode("lower")) == [b" ", b"low", b"er"]
    assert names_of(tok, tok.encode("a  lo<x>w"))[2:] == [b"  ", b"lo", b"<x>", b"w"]
    assert [tok.added_tokens["  "]] == tok.encode("▁") == tok.encode(" ")


def test_control_symbols_are_text_unless_allowed():
    tok = tokenizer()
    with pytest.raises(ValueError, match="holds the special token"):
        tok.encode("low</s>")
    assert 2 not in tok.encode_ordinary("low</s>")
    assert names_of(tok, tok.encode("low</s>low", allowed_special="all")) == [b" low", b"</s>", b" low"]
    assert tok.decode([1, *tok.encode("low"), 2]) == "low"


def test_white_space():
    plain = tokenizer(normalizer=varint_field(3, 0) + varint_field(4, 0))
    single = tokenizer(normalizer=varint_field(3, 1) + varint_field(4, 1))
    assert names_of(plain, plain.encode(" low  w")) == [b" low", b" ", b" ", b"w"]
    assert names_of(single, single.encode("  low   low ")) == [b" low", b" low"]
    assert single.encode("   ") == [] == plain.encode("")
    assert plain.decode(plain.encode(" low  w")) == " low  w"


def test_places():
    tok = tokenizer(normalizer=varint_field(3, 1) + varint_field(4, 1), symbols=["<x>"])
    ids, places = tok.encode_with_offsets("  low   é<x> ")
    assert names_of(tok, ids) == [b" low", b" ", b"\xc3", b"\xa9", b"<x>"]
    assert places == [(2, 5), (5, 6), (8, 9), (8, 9), (9, 12)]
    assert tok.encode_with_offsets(" low")[1] == [(1, 4)]  # the space of the text is left out, and another put before
    assert tok.encode_with_offsets("é", unit="byte")[1] == [(0, 0), (0, 1), (1, 2)]


def test_bytes_that_are_not_utf8_are_replaced_one_by_one():
    tok = tokenizer()
    assert tok.encode(b"low\xe4\xb8") == tok.encode("low\ufffd\ufffd")
    assert tok.encode("\ud800low") == tok.encode("\ufffdlow")


def test_decoding_a_torn_character_and_a_stream():
    tok = tokenizer()
    torn = [tok.token_id(b"\xe4"), tok.token_id(b"\xb8"), tok.token_id("low"[0])]
    assert tok.decode(torn) == "\ufffd\ufffdl"
    with pytest.raises(UnicodeDecodeError):
        tok.decode(torn, errors="strict")
    with pytest.raises(TokenIdError):
        tok.decode([tok.n_vocab])
    stream = tok.decode_stream()
    ids = [1, *tok.encode("low é中文"), 2]
    assert "".join(map(stream.feed, ids)) + stream.finish() == "low é中文"


def test_saved_pickled_and_written_again(tmp_path):
    for parts in ({}, {"byte_fallback": False}, {"symbols": ["<x>", "▁▁"], "trainer": bytes_field(44, b"?")}):
        tok = tokenizer(**parts)
        tok.save(tmp_path / "t.pybpe")
        tok.to_sentencepiece(tmp_path / "t.model")
        for again in (
            Tokenizer.load(tmp_path / "t.pybpe"),
            pickle.loads(pickle.dumps(tok)),
            Tokenizer.from_sentencepiece(tmp_path / "t.model"),
        ):
            assert again == tok
            assert again.vocab == tok.vocab
            assert again.encode("low lower é中文<x>  x") == tok.encode("low lower é中文<x>  x")
        assert tok.to_sentencepiece(tmp_path / "2.model") is None
        assert (tmp_path / "2.model").read_bytes() == (tmp_path / "t.model").read_bytes()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"unknown":0', b'"unknown":3'),
        (b'"unknown":0', b'"unknown":-1'),
        (b'"unknown":0', b'"unknown":[]'),
        (b'"byte_ids":[3,', b'"byte_ids":[4,'),
        (b'"byte_ids":[3,', b'"byte_ids":["3",'),
        (b'"scores":{', b'"whole_words":true,"scores":{'),
        (b'"scores":{', b'"scorer":{'),
        (b'"rule":"scores"', b'"rule":"merges"'),
        (b'"rule":"scores"', b'"rule":"ranks"'),
        (b'"unknown_text":" \\u2047 "', b'"unknown_text":"\\ud800"'),
        (b'"unknown_text":" \\u2047 "', b'"unknown_text":5'),
        (b'"dummy_prefix":true', b'"dummy_prefix":1'),
        (b'"sentence":{', b'"prefix_space":true,"sentence":{'),
        (b'"sentence":{', b'"sentence":{"charsmap":"AAAA",'),
        (b'{"scores":"AA', b'{"scores":"A'),
    ],
)
def test_damaged_saved_files(old, new):
    content = native.dumps(loads(model()))
    fixed = struct.calcsize("<8sIIQQQ")
    magic, version, size, *counts = struct.unpack("<8sIIQQQ", content[:fixed])
    header = content[fixed : fixed + size]
    assert old in header
    header = header.replace(old, new, 1)
    body = struct.pack("<8sIIQQQ", magic, version, len(header), *counts) + header + content[fixed + size : -32]
    with pytest.raises(FormatError):
        native.loads(body + hashlib.sha256(body).digest())


def test_what_cannot_be_said_or_done(small, tmp_path):
    tok = tokenizer()
    for action in (
        lambda: tok.to_tiktoken(tmp_path / "t"),
        lambda: tok.to_huggingface(tmp_path / "t.json"),
        lambda: tok.to_gpt2(tmp_path / "t"),
        lambda: tok.extend(["low"], 400),
        lambda: tok.encode_with_dropout("low", 0.5, 1),
        lambda: tok.smaller(300),
        lambda: small.to_sentencepiece(tmp_path / "t.model"),
    ):
        with pytest.raises(ValueError, match=r"scores|pybpe trained|is none itself"):
            action()


def test_the_parts_of_a_text_give_the_whole():
    tok = tokenizer()
    text = "low lower é 中文\n" * 30_000
    whole = tok.encode_to_numpy(text).tolist()
    assert tok.encode_to_numpy(text, threads=2).tolist() == whole
    assert tok.count(text) == len(whole)
    appender = tok.encode_appender()
    for part in ("low", "er", " 中", "文"):
        appender.append(part)
    assert appender.ids == tok.encode("lower 中文")
    assert tok.count(tok.truncate(text, 50)) <= 50
    assert tok.merges[tok.token_id(" l"), tok.token_id("o")] == tok.token_id(" lo")


def test_words_are_cut_where_no_piece_reaches_across():
    assert pattern_of([b" a", b"b"]) == r"[\n\r\t]| *[^ \n\r\t]+| +"
    assert pattern_of([b"a\n", b"\t\t", b"\r"]) == r"[\r]| *[^ \r]+| +"
    assert pattern_of([b"a b"]) == r"[\n\r\t]| *(?:[^ \n\r\ta]|[a] *)+| +"
    assert pattern_of(f"{chr(point)} b".encode() for point in range(0x4E00, 0x4E80)) == r"[\s\S]+"
    tok = tokenizer(words=["▁a▁b", "▁a", "a▁", "▁b", "▁", "a", "b"])
    assert names_of(tok, tok.encode("a b")) == [b" a b"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no pieces"),
        (model()[:-3], "truncated"),
        (model(trainer=varint_field(3, 1)), "of type unigram; pybpe reads BPE"),
        (model(trainer=varint_field(24, 1)), "treat_whitespace_as_suffix"),
        (model(normalizer=varint_field(5, 0)), "escape_whitespaces"),
        (model(more=bytes_field(5, bytes_field(2, b"abcd"))), "denormalizer_spec"),
        (model(normalizer=bytes_field(2, b"abcd")), "map of characters is damaged"),
        (model(normalizer=bytes_field(2, b"ab")), "map of characters is truncated"),
        (model(words=["▁", "a", "a"]), "has the same string as piece 260"),
        (model(words=["▁", ""]), "is empty"),
        (model(words=["▁", "a b"]), "holds a space"),
        (model(start=[]), "has 0 pieces of type UNKNOWN"),
        (model(start=[("<unk>", UNKNOWN), ("<unk2>", UNKNOWN)]), "has 2 pieces of type UNKNOWN"),
        (model(start=[("<unk>", UNKNOWN), ("x", CONTROL)]), "is a single character"),
        (model(start=[*START, ("y", UNUSED)]), "is unused"),
        (model(start=[*START, ("y", 9)]), "of the unknown kind 9"),
        (model(byte_fallback=False, start=[*START, BYTES[5]]), "byte_fallback is off"),
        (model(byte_fallback=False, trainer=varint_field(35, 1)), "no piece for byte 0x00"),
        (model(words=["a"]), "would write a space as the bytes"),
        (model(words=["▁", "x" * 5000]), "5,000 bytes; 4,096 are allowed"),
        (model(more=piece("z", NORMAL, float("nan"))), "the score nan"),
        (model(more=varint_field(200, 1)), "field 200, which pybpe does not know"),
        (model(symbols=["x" * size for size in range(1, 70)]), "prefixes of one another"),
        (bytes_field(1, bytes_field(1, b"\xff")), "not UTF-8"),
        (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "truncated"),
    ],
)
def test_what_is_refused(content, reason):
    with pytest.raises(FormatError, match=reason):
        loads(content, "it")


def charsmap(units, values: bytes) -> bytes:
    return struct.pack(f"<I{len(units)}I", 4 * len(units), *units) + values


def test_a_map_that_never_ends_is_refused_soon():
    ring = [0x100 << 10, *([0x80000000] * 0x1FF)]  # from the node at 0x100, each of 255 bytes leads to it again
    for byte in range(1, 256):
        ring[0x100 ^ byte] = byte | byte << 10
    start = time.perf_counter()
    with pytest.raises(FormatError, match="map of characters"):
        loads(model(normalizer=bytes_field(2, charsmap(ring, b"\0"))))
    assert time.perf_counter() - start < 30


def test_damaged_files_are_refused_and_never_more():
    rng = random.Random(4)
    whole, accepted = model(symbols=["<x>", "ab"]), 0
    for _ in range(500):
        content = bytearray(whole)
        for _ in range(rng.choice((1, 1, 3))):
            place = rng.randrange(len(content))
            match rng.randrange(4):
                case 0:
                    content[place] = rng.randrange(256)
                case 1:
                    del content[place:]
                case 2:
                    content[place:place] = rng.randbytes(rng.randrange(1, 6))
                case 3:
                    del content[place : place + rng.randrange(1, 8)]
            content = content or bytearray(b"x")
        try:
            tok = Tokenizer(loads(bytes(content)))
        except FormatError:
            pass
        else:
            tok.decode(tok.encode_ordinary("low lower é中文<x>  x"))
            accepted += 1
    assert 20 < accepted < 480
