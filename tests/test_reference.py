"""The reference against worked examples: what it says here was counted by hand."""

from __future__ import annotations

import doctest

from pybpe import reference


def test_its_examples_run():
    result = doctest.testmod(reference)
    assert (result.failed, result.attempted > 15) == (0, True)


def test_the_most_frequent_pair_is_merged_first():
    # "aaab" twice, "aab" once: (a,a) has 2+2+1 windows, (a,b) has 3.
    assert list(reference.train(["aaab", "aaab", "aab"], 1)) == [(97, 97)]


def test_every_window_counts_even_where_windows_overlap():
    # "aaa" holds (a,a) twice, though only one can merge: 2 windows beat one (b,c).
    assert list(reference.train(["aaa", "bc"], 1)) == [(97, 97)]


def test_ties_go_to_the_smaller_pair():
    assert list(reference.train(["zy", "ab"], 2)) == [(97, 98), (122, 121)]


def test_merging_goes_from_left_to_right():
    assert reference.merge([97, 97, 97], (97, 97), 256) == [256, 97]


def test_training_stops_when_every_word_is_one_token():
    assert reference.train(["ab"], 10) == {(97, 98): 256}


def test_training_stops_below_min_count():
    assert reference.train(["ab", "cd"], 10, min_count=2) == {}
    assert reference.train(["ab", "ab", "cd"], 10, min_count=2) == {(97, 98): 256}


def test_words_do_not_merge_across_their_ends():
    merges = reference.train(["a b", "a b", "a b"], 10)
    assert set(reference.token_bytes(merges).values()) - {bytes([i]) for i in range(256)} == {b" b"}


def test_encoding_uses_the_merge_learned_first():
    merges = {(98, 99): 256, (97, 98): 257}  # bc before ab
    assert reference.encode_word(b"abc", merges) == [97, 256]


def test_split_of_gpt4():
    text = "I'll pay $12345 today!\n\n  Really? "
    words = ["I", "'ll", " pay", " $", "123", "45", " today", "!\n\n", " ", " Really", "?", " "]
    assert reference.split(text) == [word.encode() for word in words]


def test_split_loses_nothing_where_the_pattern_does_not_match():
    assert reference.split("ab12cd", r"[a-z]+") == [b"ab", b"12", b"cd"]


def test_bytes_that_are_not_utf8_survive():
    merges = reference.train([b"\xff\xfe\xff\xfe"], 3)
    assert reference.decode_bytes(reference.encode_ordinary(b"\xff\xfea\xff", merges), merges) == b"\xff\xfea\xff"


def test_lone_surrogates_become_the_replacement_character():
    assert reference.decode(reference.encode("a\ud800b", {}), {}) == "a\ufffdb"
    assert reference.decode(reference.encode("\ud83d\ude42", {}), {}) == "🙂"


def test_special_tokens_the_longer_first():
    specials = {"<a>": 300, "<a><b>": 301}
    assert reference.encode("x<a><b><a>y", {}, special_tokens=specials) == [120, 301, 300, 121]
    assert reference.decode([301, 300], {}, specials) == "<a><b><a>"
