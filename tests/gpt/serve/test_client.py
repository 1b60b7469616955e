"""OpenAI's own client against the server."""

import json
import threading

import numpy as np
import openai
import pytest

pytest.importorskip("torch", reason="torch is not installed: pip install '.[gpt]'")

from support.chat_models import CONTEXT, FakeSandbox, chat_tokenizer, script

from pybpe.gpt import batching
from pybpe.gpt.answering import open_chat
from pybpe.gpt.conversation import Part, parse_conversation
from pybpe.gpt.sampling import Sampling
from pybpe.gpt.serve.errors import ApiError
from pybpe.gpt.tools import ToolLimits
from pybpe.sandbox import open_sandbox

from .conftest import NAME, hello, idle, serving, until

USER = [{"role": "user", "content": "Hello"}]
END, PYTHON, PYTHON_END = "<|assistant_end|>", "<|python_start|>", "<|python_end|>"


def client_of(server, **options):
    given = {"api_key": "any", "max_retries": 0, "timeout": 60, **options}
    return openai.OpenAI(base_url=f"{server.url}/v1", **given)


@pytest.fixture(scope="module")
def client(shared_server):
    with client_of(shared_server) as client:
        yield client


@pytest.fixture(scope="module")
def model(folder):
    return open_chat(folder, "cpu")


def test_chat_gives_what_the_model_answers(client, model):
    for seed in range(5):
        for messages in (USER, [{"role": "system", "content": "Be brief."}, *USER]):
            found = client.chat.completions.create(
                model=NAME, messages=messages, seed=seed, temperature=0.9, top_p=0.8, max_tokens=30
            )
            reply = model.answer(
                parse_conversation(messages),
                sampling=Sampling(0.9, top_p=0.8),
                seed=seed,
                max_tokens=30,
            )
            list(reply)
            choice = found.choices[0]
            assert choice.message.content == reply.message.text
            assert choice.message.role == "assistant"
            assert choice.finish_reason == reply.finish
            assert found.usage.completion_tokens == reply.n_chosen
            assert found.usage.prompt_tokens == len(model.chat.encode_prompt(parse_conversation(messages)))
            assert found.usage.total_tokens == found.usage.prompt_tokens + found.usage.completion_tokens
            assert found.id.startswith("chatcmpl-")
            assert found.object == "chat.completion"
            assert found.model == NAME


def test_a_stream_gives_the_same(client):
    options = {"model": NAME, "messages": USER, "seed": 3, "max_tokens": 40}
    whole = client.chat.completions.create(**options)
    chunks = list(client.chat.completions.create(**options, stream=True, stream_options={"include_usage": True}))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason == whole.choices[0].finish_reason
    assert all(chunk.choices[0].finish_reason is None for chunk in chunks[:-2])
    assert all(chunk.usage is None for chunk in chunks[:-1])
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens
    assert {(chunk.id, chunk.object, chunk.created, chunk.model) for chunk in chunks} == {
        (chunks[0].id, "chat.completion.chunk", chunks[0].created, NAME)
    }
    without = list(client.chat.completions.create(**options, stream=True))
    assert all("usage" not in chunk.model_dump(exclude_unset=True) for chunk in without)


def test_the_stream_helper(client):
    options = {"model": NAME, "messages": USER, "seed": 4, "max_tokens": 40, "logprobs": True}
    whole = client.chat.completions.create(**options)
    with client.chat.completions.stream(**options) as stream:
        events = list(stream)
        final = stream.get_final_completion()
    text = "".join(event.delta for event in events if event.type == "content.delta")
    assert text == final.choices[0].message.content == whole.choices[0].message.content
    assert final.choices[0].finish_reason == whole.choices[0].finish_reason
    kinds = {event.type for event in events}
    assert {"chunk", "content.delta", "content.done", "logprobs.content.delta", "logprobs.content.done"} <= kinds
    assert [each.token for each in final.choices[0].logprobs.content] == [
        each.token for each in whole.choices[0].logprobs.content
    ]


def test_logprobs(client, model):
    found = client.chat.completions.create(
        model=NAME, messages=USER, seed=5, max_tokens=20, temperature=0, logprobs=True, top_logprobs=3
    )
    content = found.choices[0].logprobs.content
    assert content
    ids = model.chat.encode_prompt(parse_conversation(USER))
    for entry in content:
        logits = model.network.logits([ids])[0, -1]
        expected = logits - np.logaddexp.reduce(logits)
        id_ = entry.model_extra["id"]
        assert entry.logprob == pytest.approx(expected[id_], abs=1e-4)
        assert [top.logprob for top in entry.top_logprobs] == pytest.approx(sorted(expected)[:-4:-1], abs=1e-4)
        assert bytes(entry.bytes) == model.chat.tokenizer.token_bytes(id_)
        ids.append(id_)
    plain = client.chat.completions.create(model=NAME, messages=USER, max_tokens=2)
    assert plain.choices[0].logprobs is None


def test_several_choices(client):
    options = {"model": NAME, "messages": USER, "max_tokens": 12}
    several = client.chat.completions.create(**options, n=3, seed=7)
    alone = [client.chat.completions.create(**options, seed=7 + number) for number in range(3)]
    assert [choice.message.content for choice in several.choices] == [each.choices[0].message.content for each in alone]
    assert [choice.index for choice in several.choices] == [0, 1, 2]
    assert several.usage.completion_tokens == sum(each.usage.completion_tokens for each in alone)
    assert several.usage.prompt_tokens == alone[0].usage.prompt_tokens
    texts = ["", "", ""]
    for chunk in client.chat.completions.create(**options, n=3, seed=7, stream=True):
        texts[chunk.choices[0].index] += chunk.choices[0].delta.content or ""
    assert texts == [choice.message.content for choice in several.choices]


def test_completions(client, model):
    for prompt in ("Once", [79, 110], ["Once", "On"], [[79], [80, 81]]):
        found = client.completions.create(model=NAME, prompt=prompt, seed=1, max_tokens=15, n=2)
        several = isinstance(prompt, list) and not isinstance(prompt[0], int)
        prompts = prompt if several else [prompt]
        assert [choice.index for choice in found.choices] == list(range(2 * len(prompts)))
        specials = set(model.chat.tokenizer.special_tokens.values())
        for index, choice in enumerate(found.choices):
            ids = prompts[index // 2]
            ids = model.chat.tokenizer.encode_ordinary(ids) if isinstance(ids, str) else ids
            made = list(model.network.generate(ids, 15, 1.0, seed=1 + index % 2, stop=specials))
            assert choice.text == model.chat.tokenizer.decode(made)
            assert choice.finish_reason == ("length" if len(made) == 15 else "stop")
    assert found.object == "text_completion"


def test_a_stream_of_completions(client):
    options = {"model": NAME, "prompt": "Once", "seed": 6, "max_tokens": 20, "logprobs": 2}
    whole = client.completions.create(**options).choices[0]
    chunks = list(client.completions.create(**options, stream=True, stream_options={"include_usage": True}))
    assert "".join(chunk.choices[0].text for chunk in chunks[:-1]) == whole.text
    assert chunks[-1].usage.prompt_tokens == 4
    parts = [chunk.choices[0].logprobs for chunk in chunks[:-1] if chunk.choices[0].logprobs is not None]
    for name in ("tokens", "token_logprobs", "text_offset", "top_logprobs"):
        joined = [each for part in parts for each in getattr(part, name)]
        assert joined == getattr(whole.logprobs, name)
    assert all(1 <= len(top) <= 2 for top in whole.logprobs.top_logprobs)
    for offset, token in zip(whole.logprobs.text_offset, whole.logprobs.tokens, strict=True):
        assert token == "�" or whole.text[offset:].startswith(token)


def test_stop_strings(client):
    options = {"model": NAME, "prompt": "Once", "max_tokens": 30, "temperature": 2}
    texts = ((seed, client.completions.create(**options, seed=seed).choices[0].text) for seed in range(100))
    options["seed"], text = next((seed, text) for seed, text in texts if len(text) > 6)
    stop = text[3:5]
    found = client.completions.create(**options, stop=stop).choices[0]
    assert found.text == text[: text.index(stop)]
    assert found.finish_reason == "stop"
    streamed = client.completions.create(**options, stop=["never", stop], stream=True)
    assert "".join(chunk.choices[0].text for chunk in streamed) == found.text


def test_models(client):
    listed = client.models.list().data
    assert [each.id for each in listed] == [NAME]
    card = client.models.retrieve(NAME)
    assert card == listed[0]
    assert card.object == "model"
    extension = card.model_extra["pybpe"]
    expected = {"context": CONTEXT, "vocabulary": chat_tokenizer().n_vocab, "tools": None, "loading": False}
    assert extension == {**expected, "chat": True}
    with pytest.raises(openai.NotFoundError, match="there is no model 'gpt-4o'"):
        client.models.retrieve("gpt-4o")


def test_a_wrong_request(client):
    with pytest.raises(openai.BadRequestError, match=r"temperature is 3; it must be a number in 0\.\.2") as caught:
        client.chat.completions.create(model=NAME, messages=USER, temperature=3)
    assert (caught.value.param, caught.value.code, caught.value.type) == (
        *("temperature", "invalid_value"),
        "invalid_request_error",
    )
    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(model="gpt-4o", messages=USER)
    assert missing.value.code == "model_not_found"
    tool = {"type": "function", "function": {"name": "f", "parameters": {}}}
    with pytest.raises(openai.BadRequestError, match="tools is not supported") as refused:
        client.chat.completions.create(model=NAME, messages=USER, tools=[tool])
    assert refused.value.param == "tools"


def test_a_conversation_that_is_too_long(client, model):
    long = [
        {"role": "system", "content": "Be brief."},
        *[{"role": role, "content": "x" * 20} for _ in range(4) for role in ("user", "assistant")],
        {"role": "user", "content": "last"},
    ]
    with pytest.raises(openai.BadRequestError, match="the model has room for 96") as caught:
        client.chat.completions.create(model=NAME, messages=long)
    assert caught.value.code == "context_length_exceeded"
    found = client.chat.completions.create(
        model=NAME, messages=long, max_tokens=10, seed=1, extra_body={"truncate": True}
    )
    dropped = found.model_extra["pybpe"]["dropped_messages"]
    assert dropped > 0
    kept = [long[0], *long[1 + dropped :]]
    same = client.chat.completions.create(model=NAME, messages=kept, max_tokens=10, seed=1)
    assert found.choices[0].message.content == same.choices[0].message.content
    assert found.usage.prompt_tokens == same.usage.prompt_tokens
    first = next(
        iter(client.chat.completions.create(model=NAME, messages=long, stream=True, extra_body={"truncate": True}))
    )
    assert first.model_extra["pybpe"]["dropped_messages"] >= dropped  # more, to make room for a longer answer
    with pytest.raises(openai.BadRequestError) as last:
        client.chat.completions.create(
            model=NAME, messages=[{"role": "user", "content": "x" * 200}], extra_body={"truncate": True}
        )
    assert last.value.code == "context_length_exceeded"


def test_an_answer_goes_on_from_its_ids(client, model):
    options = {"model": NAME, "messages": USER, "temperature": 0, "logprobs": True}
    whole = client.chat.completions.create(**options, max_tokens=12)
    ids = [entry.model_extra["id"] for entry in whole.choices[0].logprobs.content]
    for cut in range(len(ids)):
        rest = client.chat.completions.create(**options, max_tokens=12 - cut, extra_body={"continue_ids": ids[:cut]})
        assert [entry.model_extra["id"] for entry in rest.choices[0].logprobs.content] == ids[cut:]
        assert rest.usage.prompt_tokens == whole.usage.prompt_tokens + cut
    special = model.chat.ids
    for bad in ([special["<|bos|>"]], [97, special["<|user_start|>"]], [special[END]], [special["<|output_start|>"]]):
        with pytest.raises(openai.BadRequestError, match="the answer cannot be continued") as caught:
            client.chat.completions.create(**options, extra_body={"continue_ids": bad})
        assert caught.value.param == "continue_ids"
    for bad in (["a"], [-1], [1 << 40], "a", [True], {}):
        with pytest.raises(openai.BadRequestError, match="continue_ids"):
            client.chat.completions.create(**options, extra_body={"continue_ids": bad})


def test_code_in_an_answer(folder, monkeypatch):
    sandbox = FakeSandbox()
    pieces = ("I add. ", PYTHON, "3 + 4", PYTHON_END, "It is 7.", END)
    with serving(folder, sandbox) as server, client_of(server) as client:
        script(monkeypatch, chat_tokenizer(), *pieces)
        whole = client.chat.completions.create(model=NAME, messages=USER, logprobs=True)
        script(monkeypatch, chat_tokenizer(), *pieces)
        chunks = list(client.chat.completions.create(model=NAME, messages=USER, stream=True))
        assert client.models.retrieve(NAME).model_extra["pybpe"]["tools"] == "fake"
        script(monkeypatch, chat_tokenizer(), "It is 7.", END)
        tokenizer = chat_tokenizer()
        ids = [
            *tokenizer.encode_ordinary("x"),
            tokenizer.special_tokens[PYTHON],
            50,
            tokenizer.special_tokens[PYTHON_END],
        ]
        continued = client.chat.completions.create(model=NAME, messages=USER, extra_body={"continue_ids": ids})
    assert sandbox.codes == ["3 + 4", "3 + 4", "2"]
    message = whole.choices[0].message
    parts = [
        {"type": "text", "text": "I add. "},
        {"type": "python", "text": "3 + 4"},
        {"type": "output", "text": "7"},
        {"type": "text", "text": "It is 7."},
    ]
    assert message.content == "I add. It is 7."
    assert message.model_extra["parts"] == parts
    extensions = [chunk.model_extra["pybpe"] for chunk in chunks]
    for kind in ("text", "python", "output"):
        text = "".join(each["text"] for each in extensions if each["part"] == kind)
        assert text == "".join(part["text"] for part in parts if part["type"] == kind)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "I add. It is 7."
    assert all(each["forced"] == (each["part"] == "output") for each in extensions)
    ids = [id_ for each in extensions for id_ in each["ids"]]
    texts = tuple(Part(part["type"], part["text"]) for part in parts)
    assert tuple(open_chat(folder, "cpu").chat.parts(ids)) == texts
    chosen = [entry.model_extra["id"] for entry in whole.choices[0].logprobs.content]
    assert chosen == [id_ for each in extensions if not each["forced"] for id_ in each["ids"]]
    assert whole.usage.completion_tokens == len(chosen) + 1  # the token that ends the answer
    assert whole.model_extra["pybpe"]["forced_tokens"] == len(ids) - len(chosen)
    assert continued.choices[0].message.model_extra["parts"] == [parts[2], parts[3]]


def test_code_in_a_real_sandbox(folder, monkeypatch):
    with open_sandbox("none") as sandbox, serving(folder, sandbox) as server, client_of(server) as client:
        script(monkeypatch, chat_tokenizer(), PYTHON, "417 + 86", PYTHON_END, PYTHON, "1 // 0", PYTHON_END, "503", END)
        found = client.chat.completions.create(model=NAME, messages=USER)
        assert client.models.retrieve(NAME).model_extra["pybpe"]["tools"] == "none"
    parts = found.choices[0].message.model_extra["parts"]
    assert [part["type"] for part in parts] == ["python", "output", "python", "output", "text"]
    assert parts[1]["text"] == "503"
    assert parts[3]["text"].startswith("ZeroDivisionError")


def test_a_sandbox_that_breaks(folder, monkeypatch):
    class Broken(FakeSandbox):
        def run(self, code, timeout=5.0):
            raise RuntimeError("broken")

    with serving(folder, Broken()) as server, client_of(server) as client:
        script(monkeypatch, chat_tokenizer(), PYTHON, "1", PYTHON_END)
        with pytest.raises(openai.InternalServerError, match="the sandbox failed") as caught:
            client.chat.completions.create(model=NAME, messages=USER)
        assert caught.value.code == "tool_failed"
        until(lambda: idle(server))


def test_others_go_on_while_code_runs(long_folder, monkeypatch):
    """While the code of one answer runs, another answer is generated to its end."""
    go = threading.Event()

    class Slow(FakeSandbox):
        def run(self, code, timeout=5.0):
            go.wait(60)
            return super().run(code, timeout)

    with serving(long_folder, Slow()) as server, client_of(server) as client:
        script(monkeypatch, chat_tokenizer(), PYTHON, "1", PYTHON_END, *"abc", END)
        found = []
        waiting = threading.Thread(
            target=lambda: found.append(client.chat.completions.create(model=NAME, messages=USER, max_tokens=5))
        )
        waiting.start()
        until(lambda: server.worker.running == 1 and server.worker._running[0].follower.code is not None)
        other = client.chat.completions.create(model=NAME, messages=USER, max_tokens=2)
        assert other.choices[0].message.content == "ab"
        assert not found
        go.set()
        waiting.join(60)
    assert [part["type"] for part in found[0].choices[0].message.model_extra["parts"]] == ["python", "output", "text"]


def test_code_runs_no_more_often_than_allowed(folder, monkeypatch):
    from pybpe.gpt.serve.app import Limits

    sandbox = FakeSandbox()
    with serving(folder, sandbox, limits=Limits(tools=ToolLimits(calls=1))) as server, client_of(server) as client:
        script(monkeypatch, chat_tokenizer(), PYTHON, "1", PYTHON_END, PYTHON)
        with pytest.raises(openai.InternalServerError):  # the script chooses what is banned
            client.chat.completions.create(model=NAME, messages=USER)
        script(monkeypatch, chat_tokenizer(), PYTHON)
        with pytest.raises(openai.InternalServerError):
            client.chat.completions.create(model=NAME, messages=USER, tool_choice="none")
        until(lambda: idle(server))
    assert sandbox.codes == ["1"]


def test_the_key(folder):
    with serving(folder, key="secret") as server:
        for wrong in ("other", "secre", "secrets", "Secret"):
            with client_of(server, api_key=wrong) as client, pytest.raises(openai.AuthenticationError) as caught:
                client.models.list()
            assert caught.value.code == "invalid_api_key"
        with client_of(server, api_key="secret") as client:
            assert client.models.list().data


def test_another_host(shared_server):
    with client_of(shared_server, default_headers={"Host": "evil.example"}) as client:
        with pytest.raises(openai.PermissionDeniedError) as caught:
            client.models.list()
        assert caught.value.code == "host_not_allowed"


def test_retries_while_the_queue_is_full(long_folder, slow):
    with serving(long_folder, slots=1, queue=0) as server, client_of(server) as client:
        stream = client.chat.completions.create(model=NAME, messages=USER, stream=True)
        next(iter(stream))
        with pytest.raises(openai.RateLimitError) as caught:
            client.chat.completions.create(model=NAME, messages=USER, max_tokens=1)
        assert caught.value.code == "queue_full"
        assert caught.value.response.headers["retry-after"] == "1"
        timer = threading.Timer(0.5, stream.close)
        timer.start()
        found = client.with_options(max_retries=20).chat.completions.create(model=NAME, messages=USER, max_tokens=1)
        timer.join()
        assert found.choices[0].message.content == "a"


def test_a_server_that_is_loading(folder):
    from pybpe.gpt.serve.served import open_served

    go = threading.Event()

    def load():
        go.wait(60)
        return open_served(folder, "cpu")

    with serving(load, wait=False) as server, client_of(server) as client:
        try:
            with pytest.raises(openai.InternalServerError) as caught:
                client.chat.completions.create(model=NAME, messages=USER)
            assert (caught.value.status_code, caught.value.code) == (503, "model_loading")
            assert client.models.retrieve(NAME).model_extra["pybpe"]["loading"] is True
        finally:
            go.set()
        found = client.with_options(max_retries=20).chat.completions.create(model=NAME, messages=USER, max_tokens=1)
        assert found.choices


def test_a_model_that_fails(folder, monkeypatch):
    with serving(folder) as server, client_of(server) as client:
        with monkeypatch.context() as patch:
            patch.setattr(batching.Engine, "step", lambda self: 1 / 0)
            with pytest.raises(openai.InternalServerError, match="ZeroDivisionError"):
                client.chat.completions.create(model=NAME, messages=USER)
        until(lambda: idle(server))
        assert client.chat.completions.create(model=NAME, messages=USER, max_tokens=1).choices


def test_a_failure_within_a_stream(folder, monkeypatch):
    plain = batching.Engine.step
    steps = iter(range(5))

    def step(self):
        next(steps)  # StopIteration at the end
        return plain(self)

    with serving(folder) as server, client_of(server) as client:
        script(monkeypatch, chat_tokenizer(), "abcdefghijkl")
        monkeypatch.setattr(batching.Engine, "step", step)
        stream = client.chat.completions.create(model=NAME, messages=USER, stream=True)
        text = ""
        with pytest.raises(openai.APIError, match="StopIteration"):
            for chunk in stream:
                text += chunk.choices[0].delta.content or ""
        assert text == "abcde"[: len(text)]
        assert text
        monkeypatch.setattr(batching.Engine, "step", plain)


def test_a_client_that_gives_up(long_folder, slow):
    with serving(long_folder) as server, client_of(server, timeout=0.5) as client:
        with pytest.raises(openai.APITimeoutError):
            client.chat.completions.create(model=NAME, messages=USER)
        until(lambda: idle(server))


def test_a_server_that_is_gone(folder):
    with serving(folder) as server:
        client = client_of(server)
        assert client.models.list().data
    with client, pytest.raises(openai.APIConnectionError):
        client.models.list()


def test_a_time_limit(long_folder, slow):
    from pybpe.gpt.serve.app import Limits

    with serving(long_folder, limits=Limits(seconds=0.3)) as server, client_of(server) as client:
        with pytest.raises(openai.InternalServerError) as caught:
            client.chat.completions.create(model=NAME, messages=USER)
        assert (caught.value.status_code, caught.value.code) == (503, "request_timeout")
        until(lambda: idle(server))


def test_the_shape_of_errors():
    error = ApiError(400, "wrong", "code", param="n").as_json()
    assert json.loads(json.dumps(error)) == {
        "error": {"message": "wrong", "type": "invalid_request_error", "param": "n", "code": "code"}
    }


def test_a_model_that_has_not_learned_to_talk(tmp_path):
    import torch

    from pybpe import Tokenizer
    from pybpe.gpt.checkpoint import Checkpoint, write_checkpoint
    from pybpe.gpt.model import GPT, GPTConfig
    from pybpe.gpt.vocabulary import save_vocabulary

    torch.manual_seed(1)
    tokenizer = Tokenizer.train(iter(["ab"]), 256, special_tokens=[], progress=False)
    config = GPTConfig(tokenizer.n_vocab, n_layer=1, n_head=1, n_embd=4, block_size=16)
    checkpoint = Checkpoint(config, GPT(config).state_dict(), 1, tokenizer.fingerprint)
    write_checkpoint(checkpoint, tmp_path / "model.safetensors")
    save_vocabulary(tokenizer, tmp_path)
    with serving(tmp_path) as server, client_of(server) as client:
        with pytest.raises(openai.BadRequestError, match="gpt finetune"):
            client.chat.completions.create(model=NAME, **hello())
        assert client.completions.create(model=NAME, prompt="a", max_tokens=3).usage.completion_tokens == 3
        with pytest.raises(openai.BadRequestError, match="give a prompt"):
            client.completions.create(model=NAME, prompt="")
        with pytest.raises(openai.BadRequestError, match="has 16 tokens"):
            client.completions.create(model=NAME, prompt="a" * 16)
