"""Load a server of `pybpe gpt serve` on this machine: many clients at once, clients that go away, and hostile ones.

python scripts/serve_load.py                    a new model of the demo's size with random weights, 5 minutes
python scripts/serve_load.py my-chat --minutes 2 --slots=8    other options, with =, go to the server

It starts the server in a process of its own, and prints the errors, the memory of that process before and after, the
time until the first token (median, p99), the tokens per second of all clients together and of one alone (before and
after them; the ratio is to the better of both), and what each hostile request was answered. It ends with status 1 if
something is not as it must be.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

QUESTIONS = ("How many r are in 'strawberry'?", "What is 417 + 86?", "Who are you?", "Spell 'token'.")
TOKENS = 64  # of each answer
LARGE = 50 << 20  # bytes
WAIT = 60.0  # seconds for one answer


@dataclass
class Measured:
    """What clients saw. firsts: seconds until the first token. health: seconds of each request to /health."""

    errors: Counter[str] = field(default_factory=Counter)
    firsts: list[float] = field(default_factory=list)
    health: list[float] = field(default_factory=list)
    tokens: int = 0
    answers: int = 0


def make_model(folder: Path) -> None:
    """Write a folder with a model of the demo's size: 4 layers of 128, 256 positions, bytes, random weights."""
    import torch

    from pybpe import Tokenizer
    from pybpe.gpt.checkpoint import Checkpoint, write_checkpoint
    from pybpe.gpt.conversation import CHAT_TOKENS
    from pybpe.gpt.model import FORMS, GPT, GPTConfig
    from pybpe.gpt.vocabulary import save_vocabulary

    folder.mkdir()
    tokenizer = Tokenizer.train(iter(["ab"]), 256, progress=False).with_special_tokens(CHAT_TOKENS)
    torch.manual_seed(1)
    config = GPTConfig(tokenizer.n_vocab, n_layer=4, n_head=4, n_embd=128, block_size=256, **FORMS["modern"])
    write_checkpoint(
        Checkpoint(config, GPT(config).state_dict(), 0, tokenizer.fingerprint), folder / "model.safetensors"
    )
    save_vocabulary(tokenizer, folder)


@contextmanager
def server(folder: Path, options: list[str]) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Start a server, wait until its model is loaded, and yield (process, port); end it with SIGTERM."""
    command = [sys.executable, "-m", "pybpe", "gpt", "serve", str(folder), "--port", "0", *options]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            assert process.stdout is not None
            found = re.search(r":(\d+) ", process.stdout.readline())
            if found is None:
                process.wait(30)
                log.seek(0)
                raise SystemExit(f"the server did not start: {log.read().decode(errors='replace')}")
            port = int(found[1])
            asyncio.run(_loaded(port))
            yield process, port
        finally:
            began = time.monotonic()
            process.terminate()
            process.wait(30)
            print(f"end after SIGTERM    {time.monotonic() - began:.1f} s, status {process.returncode}")


async def _loaded(port: int) -> None:
    while (await ask(port, "/health", "GET"))[0] != 200:
        await asyncio.sleep(0.1)


def resident(pid: int) -> float:
    """Return the resident memory of a process in MB; nan where there is no /proc."""
    try:
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="ascii"))
    except OSError:
        return float("nan")
    return int(found[1]) / 1024 if found else float("nan")


def request(port: int, path: str, method: str, body: bytes = b"", headers: str = "") -> bytes:
    """Return the bytes of a request. headers: lines that replace those of JSON."""
    kind = headers or f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{kind}\r\n".encode() + body


def chat(port: int, stream: bool = True, max_tokens: int = TOKENS, seed: int | None = None) -> bytes:
    """Return a request for chat."""
    messages = [{"role": "user", "content": random.choice(QUESTIONS)}]
    body = {"messages": messages, "max_tokens": max_tokens, "stream": stream, "seed": seed, "temperature": 0.8}
    if stream:
        body["stream_options"] = {"include_usage": True}
    return request(port, "/v1/chat/completions", "POST", json.dumps(body).encode())


async def ask(port: int, path: str, method: str, body: bytes = b"", headers: str = "") -> tuple[int, bytes]:
    """Return (status, response without its first line); (0, b"") if the connection ended without one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        return await _exchange(reader, writer, request(port, path, method, body, headers))
    finally:
        writer.close()


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sent: bytes) -> tuple[int, bytes]:
    writer.write(sent)
    try:
        line = await asyncio.wait_for(reader.readline(), WAIT)
        if not line:
            return 0, b""
        length, content = 0, b""
        while (header := await reader.readline()) not in (b"\r\n", b""):
            if header.lower().startswith(b"content-length:"):
                length = int(header.split(b":")[1])
        content = await reader.readexactly(length)
        return int(line.split()[1]), content
    except (ConnectionError, asyncio.IncompleteReadError, asyncio.TimeoutError):
        return 0, b""


async def stream(port: int, found: Measured, seed: int) -> None:
    """Read one answer as a stream, and note what was seen."""
    began = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(chat(port, seed=seed))
        status = (await asyncio.wait_for(reader.readline(), WAIT)).split()[1]
        if status != b"200":
            found.errors[f"status {status.decode()}"] += 1
            return
        content, first = b"", True
        while b"[DONE]" not in content[-40:]:
            part = await asyncio.wait_for(reader.read(1 << 16), WAIT)
            if not part:
                found.errors["the stream ended early"] += 1
                return
            if first and b'"ids":[' in part:
                found.firsts.append(time.monotonic() - began)
                first = False
            content += part
        if b'"error"' in content:
            found.errors["an error in the stream"] += 1
        numbers = re.findall(rb'"completion_tokens":(\d+)', content)
        found.tokens += int(numbers[-1])
        found.answers += 1
    except (OSError, asyncio.TimeoutError, IndexError) as error:
        found.errors[type(error).__name__] += 1
    finally:
        writer.close()


async def load(port: int, clients: int, seconds: float) -> tuple[Measured, float]:
    """Let clients ask one question after another; returns (what they saw, seconds)."""
    found, began = Measured(), time.monotonic()
    end = began + seconds

    async def client(number: int) -> None:
        count = 0
        while time.monotonic() < end:
            await stream(port, found, 1000 * number + count)
            count += 1

    async def watch() -> None:
        while time.monotonic() < end:
            asked = time.monotonic()
            status, _ = await ask(port, "/health", "GET")
            found.health.append(time.monotonic() - asked)
            found.errors["health"] += status != 200
            await asyncio.sleep(0.25)

    await asyncio.gather(watch(), *(client(number) for number in range(clients)))
    found.errors += Counter()  # without zeros
    return found, time.monotonic() - began


async def abort(port: int, number: int) -> float:
    """Begin answers and go away, before or after their first token; returns seconds until all slots are free."""

    async def one(index: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(chat(port, stream=index % 2 == 0, max_tokens=200))
        await writer.drain()
        if index % 3:
            with suppress(asyncio.TimeoutError, ConnectionError):
                await asyncio.wait_for(reader.read(100), random.random() / 2)
        (writer.transport.abort if index % 5 else writer.close)()

    for begin in range(0, number, 50):
        await asyncio.gather(*(one(index) for index in range(begin, min(begin + 50, number))))
    began = time.monotonic()
    while time.monotonic() - began < WAIT:
        state = json.loads((await ask(port, "/health", "GET"))[1])
        if state["running"] == state["queued"] == 0:
            return time.monotonic() - began
        await asyncio.sleep(0.02)
    return float("inf")


async def cancelled(port: int) -> int:
    """Return how many answers the server has dropped because their clients went away."""
    _, content = await ask(port, "/metrics", "GET")
    found = re.search(rb"^pybpe_answers_cancelled_total (\d+)", content, re.MULTILINE)
    return int(found[1]) if found else 0


def hostile(port: int) -> dict[str, tuple[bytes, set[int]]]:
    """Return requests that must be refused: {name: (bytes, allowed statuses)}; 0 is a closed connection."""
    path, post = "/v1/chat/completions", "POST"
    json_type = "Content-Type: application/json\r\n"
    message = b'{"messages": [{"role": "user", "content": "a"}]'
    bodies = {
        "deep JSON": b"[" * 500_000,
        "bad UTF-8": b'{"messages": "\xff\xfe"}',
        "wrong types": b'{"messages": 5, "temperature": []}',
        "not JSON": b"nonsense",
        "a long number": message + b', "seed": ' + b"9" * 100_000 + b"}",
        "temperature 1e999": message + b', "temperature": 1e999}',
    }
    found = {name: (request(port, path, post, body), {400}) for name, body in bodies.items()}
    found["50 MB by length"] = (request(port, path, post, headers=f"{json_type}Content-Length: {LARGE}\r\n"), {413})
    chunks = b"100000\r\n" + b" " * (1 << 20) + b"\r\n"
    endless = request(port, path, post, chunks * 50, f"{json_type}Transfer-Encoding: chunked\r\n")
    found["50 MB in chunks"] = (endless, {413, 0})
    gzip = f"{json_type}Content-Encoding: gzip\r\nContent-Length: 20\r\n"
    found["a gzip bomb"] = (request(port, path, post, b"\x1f\x8b" * 10, gzip), {415})
    found["text/plain"] = (request(port, path, post, b"{}", "Content-Type: text/plain\r\nContent-Length: 2\r\n"), {415})
    found["another host"] = (b"GET /v1/models HTTP/1.1\r\nHost: evil.example\r\n\r\n", {403})
    found["not HTTP"] = (b"\x16\x03\x01" + b"\x00" * 100 + b"\r\n\r\n", {400})
    found["a head of 1 MB"] = (b"GET / HTTP/1.1\r\nA: " + b"b" * (1 << 20) + b"\r\n\r\n", {400, 0})
    return found


async def abuse(port: int) -> list[tuple[str, int, bool, float]]:
    """Send each hostile request, then a normal one: (name, status, as it must be, seconds of the normal one)."""
    rows = []
    for name, (content, allowed) in hostile(port).items():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        status, _ = await _exchange(reader, writer, content)
        writer.close()
        rows.append((name, status, status in allowed, await _normal(port)))
    slow = [await asyncio.open_connection("127.0.0.1", port) for _ in range(100)]
    for _, writer in slow:
        writer.write(b"GET / HTTP/1.1\r\nHost: ")
    rows.append(("100 half heads", 0, True, await _normal(port)))
    deaf = [await asyncio.open_connection("127.0.0.1", port, limit=1) for _ in range(4)]
    for _, writer in deaf:
        writer.write(chat(port, max_tokens=200))
    rows.append(("4 that do not read", 0, True, await _normal(port)))
    for _, writer in (*slow, *deaf):
        writer.close()
    burst = await asyncio.gather(*(_chat(port) for _ in range(200)))
    counts = Counter(burst)
    rows.append((f"a burst of 200: {dict(counts)}", 429, set(counts) <= {200, 429}, await _normal(port)))
    return rows


async def _chat(port: int) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    status, _ = await _exchange(reader, writer, chat(port, stream=False))
    writer.close()
    return status


async def _normal(port: int) -> float:
    """Return the seconds of a normal request, infinity if it fails."""
    began = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    status, _ = await _exchange(reader, writer, chat(port, stream=False, max_tokens=4))
    writer.close()
    return time.monotonic() - began if status == 200 else float("inf")


def show(name: str, found: Measured, seconds: float) -> float:
    """Print what clients saw; returns tokens per second."""
    firsts = sorted(found.firsts) or [float("nan")]
    speed = found.tokens / seconds
    print(f"{name}: {found.answers} answers in {seconds:.0f} s, errors: {dict(found.errors) or 'none'}")
    print(f"  tokens per second  {speed:,.0f}")
    print(f"  first token        median {statistics.median(firsts) * 1000:.0f} ms, p99 {_p99(firsts) * 1000:.0f} ms")
    print(
        f"  /health            p99 {_p99(sorted(found.health)) * 1000:.0f} ms, most {max(found.health) * 1000:.0f} ms"
    )
    return speed


def _p99(values: list[float]) -> float:
    return values[min(len(values) - 1, int(len(values) * 0.99))]


def main() -> None:
    """Run all parts and print what they give."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="of a model that talks (a new one with random weights)")
    parser.add_argument("--minutes", type=float, default=5.0, help="of the clients that ask at once (5)")
    parser.add_argument("--clients", type=int, default=64, help="clients at once (64)")
    parser.add_argument("--aborted", type=int, default=1000, help="answers that are given up (1000)")
    options, more = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary) / "model"
        if options.folder is None:
            make_model(folder)
        with server(folder, more) as (process, port):
            good = measure(process.pid, port, options)
    sys.exit(0 if good else 1)


def measure(pid: int, port: int, options: argparse.Namespace) -> bool:
    """Measure one client, many, those that go away, and hostile ones. Returns True if all is as it must be."""
    seconds = options.minutes * 60
    asyncio.run(load(port, options.clients, min(10, seconds)))  # until caches and threads are there
    before, alone = resident(pid), [one_at_a_time(port, seconds)]
    found, took = asyncio.run(load(port, options.clients, seconds))
    many = show(f"{options.clients} at once", found, took)
    after = resident(pid)
    alone.append(one_at_a_time(port, seconds))
    print(f"ratio                {many / max(speed for speed, _ in alone):.1f}")
    print(f"memory               {before:.0f} MB before, {after:.0f} MB after")
    freed, counted = asyncio.run(abort(port, options.aborted)), asyncio.run(cancelled(port))
    print(f"{options.aborted} answers given up: all slots free after {freed:.2f} s, memory {resident(pid):.0f} MB")
    print(f"  {counted} of them were in the queue or a slot; the others had ended or were not begun")
    rows = asyncio.run(abuse(port))
    for name, status, right, normal in rows:
        print(f"  {name:<40} {status or '-':<4} {'' if right else 'WRONG '}next request {normal * 1000:.0f} ms")
    print(f"memory at the end    {resident(pid):.0f} MB")
    good = all(right and normal < 2 for _, _, right, normal in rows) and freed < 2
    return good and not found.errors and not any(errors for _, errors in alone)


def one_at_a_time(port: int, seconds: float) -> tuple[float, Counter[str]]:
    """Measure one client, for up to 20 seconds; returns (tokens per second, errors)."""
    found, took = asyncio.run(load(port, 1, min(20, seconds)))
    return show("one at a time", found, took), found.errors


if __name__ == "__main__":
    main()
