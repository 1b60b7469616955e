"""The fields of requests: which values are taken, and what the errors say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybpe.gpt.serve.errors import ApiError
from pybpe.gpt.serve.requests import chat_request, completion_request

from .conftest import hello

N_VOCAB = 300
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [
        *("messages", "model", "temperature", "top_p", "top_k", "min_p", "seed", "max_tokens", "n", "stop", "stream"),
        *("logprobs", "top_logprobs", "stream_options", "max_completion_tokens", "continue_ids", "truncate", "tools"),
        *("response_format", "prompt", "logit_bias", "presence_penalty", "repetition_penalty", "tool_choice", "user"),
    ]
)


@given(st.dictionaries(NAMES, JSON), st.booleans())
def test_whatever_is_sent_is_taken_or_refused(values, whole):
    """Any JSON is a request or an ApiError of status 400 with a short message, for both kinds."""
    for parse in (chat_request, completion_request):
        error = error_of(parse, {**hello(prompt="a"), **values} if whole else values)
        assert error is None or (error.status == 400 and 10 < len(error.message) < 500)


def error_of(parse, values):
    try:
        parse(values, N_VOCAB)
    except ApiError as error:
        return error
    return None


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("temperature", 2.1, "temperature is 2.1; it must be a number in 0..2"),
        ("temperature", "1", "temperature is a string; it must be a number in 0..2"),
        ("temperature", True, "temperature is true or false; it must be a number in 0..2"),
        ("top_p", 1.5, "top_p is 1.5; it must be a number in 0..1"),
        ("top_k", -1, "top_k is -1; it must be a whole number in 0..2147483648"),
        ("top_k", 1.5, "top_k is a number; it must be a whole number in 0..2147483648"),
        ("n", 0, "n is 0; it must be a whole number in 1..8"),
        ("n", 9, "n is 9; it must be a whole number in 1..8"),
        ("max_tokens", 0, "max_tokens is 0; it must be a whole number in 1..2147483648"),
        ("stop", ["a"] * 5, "stop has 5 strings; at most 4 are allowed"),
        ("stop", "", "a string of stop has 0 characters; it must have 1 to 256"),
        ("stop", [1], "stop must be a string or a list of strings"),
        ("stream", 1, "stream is a number; it must be true or false"),
        (
            "stream_options",
            {"include_usage": True},
            "stream_options needs a stream; set stream to true, or leave it out",
        ),
        ("top_logprobs", 2, "top_logprobs needs logprobs; set logprobs to true"),
        ("model", 3, "model is a number; it must be a string"),
        ("messages", "Hello", "messages must be a list of messages"),
        ("messages", [], "a conversation needs a message of the user"),
        (
            "tools",
            [{}],
            "tools is not supported: the model has its own Python tool and cannot be given others; leave it out",
        ),
        ("response_format", {"type": "json_object"}, "response_format is not supported: the model writes text only; "),
        ("presence_penalty", 0.5, "presence_penalty is not supported: leave it out, or use repetition_penalty"),
        ("logit_bias", {"5": 1}, "logit_bias is not supported: leave it out"),
        ("continue_ids", [300], "continue_ids has the id 300; the ids of the model are 0..299"),
    ],
)
def test_messages_of_errors(field, value, message):
    with pytest.raises(ApiError) as caught:
        chat_request(hello(**{field: value}), N_VOCAB)
    assert caught.value.message.startswith(message)
    assert caught.value.param == field


def test_values_that_change_nothing():
    request = chat_request(
        hello(
            temperature=None,
            tools=[],
            tool_choice="auto",
            response_format={"type": "text"},
            presence_penalty=0,
            frequency_penalty=0.0,
            logit_bias={},
            user="somebody",
            unknown={"a": 1},
            top_k=0,
            min_p=0,
        ),
        N_VOCAB,
    )
    assert request == chat_request(hello(), N_VOCAB)
    assert request.options.sampling.temperature == 1
    assert request.options.sampling.top_k is None
    assert request.use_tools
    assert not chat_request(hello(tool_choice="none"), N_VOCAB).use_tools


def test_names_of_fields():
    options = chat_request(hello(max_tokens=5, max_completion_tokens=7, top_p=0, seed=-3), N_VOCAB).options
    assert options.max_tokens == 7
    assert options.sampling.top_p > 0
    assert options.seed == -3
    developer = {"messages": [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Hi"}]}
    assert chat_request(developer, N_VOCAB).conversation[0].role == "system"
    assert completion_request({"prompt": [[1], "a"], "n": 4}, N_VOCAB).prompts == [[1], "a"]
    for wrong in ([], {}, 3, [[]] * 9, ["a"] * 9, [None], [300], [[True]]):
        with pytest.raises(ApiError) as caught:
            completion_request({"prompt": wrong}, N_VOCAB)
        assert caught.value.param == "prompt"
