"""Names of the server, origins, keys, the log, and the counters."""

import logging

import pytest

pytest.importorskip("torch", reason="torch is not installed: pip install '.[gpt]'")

from hypothesis import given
from hypothesis import strategies as st

from pybpe.gpt.serve.metrics import BOUNDS, Metrics
from pybpe.gpt.serve.security import Hosts, harmless
from pybpe.gpt.serve.server import EscapingFormatter, bind

from .conftest import CHAT, ask, hello, idle, serving, until


@pytest.mark.parametrize(
    ("host", "port", "allowed", "refused"),
    [
        (
            *("127.0.0.1", 8000),
            ["127.0.0.1:8000", "localhost:8000", "LOCALHOST:8000", "[::1]:8000"],
            ["127.0.0.1", "localhost", "127.0.0.1:80", "evil.example:8000", "10.0.0.1:8000", "", "localhost:8000.evil"],
        ),
        ("127.0.0.1", 80, ["localhost", "localhost:80", "127.0.0.1"], ["localhost:8000", "evil.example"]),
        ("::1", 8000, ["[::1]:8000", "localhost:8000"], ["::1:8000x", "[::2]:8000"]),
        ("box.example", 8000, ["box.example:8000", "localhost:8000"], ["box.example", "other.example:8000"]),
        (
            *("0.0.0.0", 8000),
            ["10.0.0.1:8000", "[fe80::1]:8000", "localhost:8000"],
            ["evil.example:8000", "10.0.0.1:80", "10.0.0.1", "10.0.0.1.evil.example:8000", "1e3:8000"],
        ),
    ],
)
def test_hosts(host, port, allowed, refused):
    hosts = Hosts(host, port)
    assert [value for value in allowed if not hosts.allows(value)] == []
    assert [value for value in refused if hosts.allows(value)] == []


def test_further_names():
    hosts = Hosts("127.0.0.1", 8000, ["Chat.example", "other.example:443"])
    for value in ("chat.example", "chat.example:8000", "other.example:443"):
        assert hosts.allows(value)
    assert not hosts.allows("chat.example:80")
    assert not hosts.allows("other.example")


def test_host_and_origin_are_checked(shared_server):
    own = f"127.0.0.1:{shared_server.port}"
    for headers, status in [
        ({"origin": f"http://{own}"}, 200),
        ({"origin": f"http://localhost:{shared_server.port}"}, 403),  # asked as 127.0.0.1
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": f"http://{own}.evil.example"}, 403),
        ({"host": "evil.example"}, 403),
        ({"host": f"evil.example:{shared_server.port}"}, 403),
        ({"host": f"localhost:{shared_server.port}", "origin": f"http://localhost:{shared_server.port}"}, 200),
    ]:
        for path, method, body in [(CHAT, "POST", hello(max_tokens=1)), ("/health", "GET", b""), ("/", "GET", b"")]:
            found, _, answer = ask(shared_server, path, method, body, **headers)
            assert found == status, (headers, answer)


def test_a_key_protects_all_but_the_page_and_health(folder):
    with serving(folder, key="secret") as server:
        for path, method in [("/v1/models", "GET"), (CHAT, "POST"), ("/metrics", "GET"), ("/v1/nothing", "GET")]:
            for key in (None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic secret", "secret", "Bearer \xe9"):
                found, headers, body = ask(server, path, method, authorization=key)
                assert found == 401
                assert headers["www-authenticate"] == "Bearer"
                assert "secret" not in body["error"]["message"]
            assert ask(server, path, method, authorization="Bearer secret")[0] != 401
        assert ask(server, "/", "GET")[0] == 200
        assert ask(server, "/health", "GET")[0] == 200


@given(st.text())
def test_the_log_has_no_control_characters(text):
    assert harmless(text).isprintable()
    record = logging.LogRecord("pybpe.serve", logging.INFO, "", 0, "%s", (text,), None)
    assert EscapingFormatter().format(record).replace("\n", "").isprintable()


def test_what_is_logged(shared_server, caplog):
    with caplog.at_level(logging.INFO, "pybpe.serve"):
        ask(shared_server, "/v1/%1b%5b2Jx%0ay", "GET")
        until(lambda: "GET /v1/\\x1b[2Jx\\ny 404" in caplog.text)


@given(st.lists(st.floats(0, 100)))
def test_the_histogram_counts_each_answer_once(times):
    metrics = Metrics()
    for seconds in times:
        metrics.first_token(seconds)
    lines = dict(line.rsplit(" ", 1) for line in metrics.text([]).splitlines() if not line.startswith("#"))
    for bound in BOUNDS:
        expected = sum(seconds <= bound for seconds in times)
        assert int(lines[f'pybpe_first_token_seconds_bucket{{le="{bound}"}}']) == expected
    assert int(lines["pybpe_first_token_seconds_count"]) == len(times)


def test_metrics(shared_server):
    def counters():
        _, headers, body = ask(shared_server, "/metrics", "GET")
        assert headers["content-type"].startswith("text/plain; version=0.0.4")
        lines = [line for line in body.decode().splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}

    before = counters()
    ask(shared_server, body=hello(max_tokens=3, temperature=0))
    ask(shared_server, "/v1/x", "GET")
    until(lambda: idle(shared_server))
    after = counters()
    assert 1 <= after["pybpe_chosen_tokens_total"] - before["pybpe_chosen_tokens_total"] <= 3
    assert after["pybpe_answers_finished_total"] - before["pybpe_answers_finished_total"] == 1
    assert after['pybpe_requests_total{path="other",status="404"}'] >= 1
    assert after["pybpe_answers_running"] == 0


def test_a_port_that_is_taken():
    with bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1 port {port}: .*; choose another with --port"):
            bind("127.0.0.1", port)
    with pytest.raises(OSError, match="not known"):
        bind("no such host.invalid", 0)
