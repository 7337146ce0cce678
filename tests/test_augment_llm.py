"""Queries that a language model writes: where texts may go, what is kept, what costs a row, and what is kept back by the round trip."""

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from adapt_embed.cache.files import CacheFiles
from adapt_embed.cli import main
from adapt_embed.data.pairs import Pairs, TrainingData
from adapt_embed.datatools.augmenting import AugmentSettings, augment
from adapt_embed.datatools.augmenting import writer as writer_module
from adapt_embed.datatools.augmenting.answers import read_queries
from adapt_embed.datatools.augmenting.chat import MOST_BYTES, Chat, RowError
from adapt_embed.datatools.augmenting.endpoint import KEY_VARIABLE, Endpoint, check_consent, read_key
from adapt_embed.datatools.augmenting.numbers import numbers_in, numbers_named
from adapt_embed.datatools.augmenting.round_trip import ranks_of_own
from adapt_embed.datatools.augmenting.writer import QueryWriter
from adapt_embed.datatools.report import Prepared
from adapt_embed.encoders.protocol import Encoded
from adapt_embed.errors import AdaptError, ConfigError, RequestError
from click.testing import CliRunner

TESTS = Path(__file__).parent
KEY = "sk-secret-0123456789"
PASSAGES = {
    "rent": "The tenant pays 900 dollars of rent on the first day of each month.",
    "heat": "The landlord keeps the heating in repair. It has to reach 21 degrees.",
    "租金": "承租人应当在每月5日前支付租金2000元。",
}


def load_server() -> Any:
    import importlib.util

    spec = importlib.util.spec_from_file_location("llm_server", TESTS / "llm_server.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


llm = load_server()


@pytest.fixture
def serve() -> Iterator[Callable[..., Any]]:
    """Start servers that answer as they are told."""
    servers: list[Any] = []

    def start(respond: Any, **how: Any) -> Any:
        servers.append(llm.LlmServer(respond, **how))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def data() -> TrainingData:
    train = Pairs({"q": "when is the rent due?"}, {"q": dict.fromkeys(PASSAGES, 1)})
    return TrainingData(corpus=dict(PASSAGES) | {"other": "Dogs are not allowed."}, train=train, dev=None, source="made for the test")


def run(data: TrainingData, url: str, cache: Path | None = None, *, chat: dict | None = None, **settings: Any) -> Prepared:
    """Augment with a language model at an address."""
    with Chat(Endpoint(url=url, model="m"), **{"timeout_s": 5, "sleep": lambda _: None} | (chat or {})) as opened:
        writer = QueryWriter(opened, CacheFiles(cache) if cache else None, parallel=settings.pop("parallel", 1))
        return augment(data, AugmentSettings(methods=("llm",), writer=writer, **settings))


def new(prepared: Prepared) -> list[str]:
    return [text for qid, text in prepared.data.train.queries.items() if qid.startswith("augmented-")]


def lost(prepared: Prepared) -> dict[str, int]:
    return {finding.what.partition("left out: ")[2]: finding.count for finding in prepared.report.findings if finding.effect == "told"}


def about(body: dict[str, Any]) -> str:
    """The id of the passage that a request is about."""
    asked = body["messages"][-1]["content"]
    return next(pid for pid, text in PASSAGES.items() if text in asked)


def test_each_passage_is_asked_for_in_its_language_and_its_queries_find_it(serve, data: TrainingData) -> None:
    server = serve(lambda body, _: llm.queries(f"{about(body)} one", f"{about(body)} two"))
    made = run(data, server.url, copies=2)
    assert new(made) == [f"{pid} {which}" for pid in PASSAGES for which in ("one", "two")]
    assert [made.data.train.positives[f"augmented-{number}"] for number in (1, 3, 5)] == [{pid: 1} for pid in PASSAGES]
    assert [body["path"] for body in server.asked] == ["/v1/chat/completions"] * 3
    assert {body["model"] for body in server.asked} == {"m"}
    assert ["查询" in body["messages"][0]["content"] for body in server.asked] == [False, False, True]


def test_no_more_queries_than_asked_for_are_taken(serve, data: TrainingData) -> None:
    server = serve(lambda body, number: llm.queries(*(f"{number} is {word}" for word in "abcdef")))
    assert len(new(run(data, server.url, copies=2))) <= 6


def test_the_key_goes_to_the_server_and_nowhere_else(serve, data: TrainingData, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server = serve(lambda body, number: llm.queries(f"your key is {KEY}", about(body)) if number != 1 else llm.fails(400, f"bad key {KEY}"))
    made = run(data, server.url, tmp_path / "cache", chat={"key": KEY}, copies=2)
    assert {headers["Authorization"] for headers in server.headers} == {f"Bearer {KEY}"}
    files = list((tmp_path / "cache").rglob("*.json"))
    assert len(files) == 2
    said = [json.dumps(made.report.as_dict()), *new(made), caplog.text, *(path.read_text(encoding="utf-8") for path in files)]
    assert not any(KEY in text for text in said)
    assert any("(key)" in text for text in new(made))
    with Chat(Endpoint(url=server.url, model="m"), key=KEY) as chat:
        assert KEY not in repr(chat)


def test_without_a_key_none_is_sent(serve, data: TrainingData) -> None:
    server = serve(lambda body, _: llm.queries(about(body)))
    run(data, server.url)
    assert all("Authorization" not in headers for headers in server.headers)


def test_the_key_is_read_from_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    assert read_key() is None
    monkeypatch.setenv(KEY_VARIABLE, f" {KEY}\n")
    assert read_key() == KEY
    monkeypatch.setenv(KEY_VARIABLE, f"{KEY}\nX-Other: 1")
    with pytest.raises(ConfigError, match=KEY_VARIABLE) as caught:
        read_key()
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.1", "[::1]"])
def test_texts_go_to_this_machine_without_asking(host: str) -> None:
    check_consent(Endpoint(url=f"http://{host}:8000/v1", model="m"), None)


@pytest.mark.parametrize("host", ["api.example.com", "10.0.0.8", "localhost.example.com", "0.0.0.0", "LOCALHOST.evil", "192.168.1.4"])
def test_texts_go_to_another_machine_only_where_its_host_is_named(host: str) -> None:
    endpoint = Endpoint(url=f"https://{host}/v1", model="m")
    with pytest.raises(RequestError, match=f"--send-texts-to {host.lower()}"):
        Chat(endpoint)
    with pytest.raises(RequestError, match="name the same host"):
        Chat(endpoint, send_texts_to="other.example.com")
    Chat(endpoint, send_texts_to=host).__exit__()


@pytest.mark.parametrize(
    "url",
    ["ftp://x/v1", "x", "http://", "http://u:p@127.0.0.1/v1", "http://127.0.0.1/v1?key=s", "http://127.0.0.1:no/v1", "http://[::1/v1"],
)
def test_what_is_not_a_plain_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Endpoint(url=url, model="m")
    assert not any(secret in str(caught.value) for secret in ("u:p", "key=s"))


def test_a_proxy_of_the_environment_gets_no_text_for_this_machine(serve, data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy, server = serve(lambda *_: llm.queries("of the proxy")), serve(lambda body, _: llm.queries(about(body)))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, proxy.url)
    run(data, server.url)
    assert (len(proxy.asked), len(server.asked)) == (0, 3)


def test_a_redirection_is_not_followed(serve, data: TrainingData) -> None:
    other = serve(lambda *_: llm.queries("x"))
    server = serve(lambda *_: llm.fails(307, Location=f"{other.url}/chat/completions"))
    with pytest.raises(ConfigError, match="redirects to another address"):
        run(data, server.url)
    assert other.asked == []


@pytest.mark.parametrize(
    "answer, why",
    [
        (lambda: llm.says("I'm sorry, I can't help with that."), "the answer is not JSON"),
        (lambda: llm.says('{"queries": ["a'), "the answer is not JSON"),
        (lambda: llm.says('{"queries": "a"}'), "the answer has no list of queries"),
        (lambda: llm.says('{"queries": [1, 2]}'), "the answer has no list of queries"),
        (lambda: llm.says('{"queries": [" "]}'), "the answer has no list of queries"),
        (lambda: llm.says(None, refusal="I will not"), "the model refuses"),
        (lambda: llm.says(""), "the model's answer is empty"),
        (lambda: (200, {}, b"<html>"), "the server's answer is not one of a chat"),
        (lambda: (200, {}, b'{"choices": []}'), "the server's answer is not one of a chat"),
        (lambda: (200, {}, b"[" * 100_000), "the server's answer is not one of a chat"),
        (lambda: (200, {}, b"x" * (MOST_BYTES + 10)), f"the answer is longer than {MOST_BYTES >> 20} MB"),
        (lambda: llm.fails(400, "too long"), "the server answers 400: too long"),
        (lambda: llm.fails(503, "busy"), "the server answers 503: busy"),
        (lambda: (500, {}, b"<html>\x1b[31m"), "the server answers 500"),
    ],
)
def test_a_fault_costs_its_row_and_not_the_run(answer, why: str, serve, data: TrainingData, tmp_path: Path) -> None:
    server = serve(lambda body, _: answer() if about(body) == "heat" else llm.queries(about(body)))
    made = run(data, server.url, tmp_path)
    assert new(made) == ["rent", "租金"]
    assert lost(made) == {why: 1}
    assert len(list((tmp_path / "answers").iterdir())) == 2


def test_a_silent_server_costs_the_row(serve, data: TrainingData) -> None:
    server = serve(lambda *_: llm.queries("x"), delay_s=0.6)
    made = run(data, server.url, chat={"timeout_s": 0.1}, parallel=3)
    assert lost(made) == {"no answer within 0.1 s": 3}


def test_a_server_that_drips_does_not_hold_the_run(serve, data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    from adapt_embed.datatools.augmenting import chat

    clock = iter(range(0, 10_000, 60))
    monkeypatch.setattr(chat.time, "monotonic", lambda: next(clock))
    server = serve(lambda *_: llm.queries("x"))
    assert lost(run(data, server.url)) == {"no answer within 5 s": 3}


def test_429_is_waited_for_as_long_as_the_server_asks_and_at_most_a_minute(serve, data: TrainingData) -> None:
    def respond(body: dict, number: int):
        return {0: llm.fails(429, Retry_After="7"), 1: llm.fails(429, Retry_After="86400"), 2: llm.fails(429)}.get(
            number, llm.queries(about(body))
        )

    waits: list[float] = []
    server = serve(respond)
    made = run(data, server.url, chat={"sleep": waits.append})
    assert waits == [7, 60, 4]
    assert len(new(made)) == 3
    assert len(server.asked) == 6


def test_a_server_that_stays_busy_costs_the_rows(serve, data: TrainingData) -> None:
    server = serve(lambda *_: llm.fails(429, "slow down"))
    assert lost(run(data, server.url)) == {"the server answers 429: slow down": 3}
    assert len(server.asked) == 12


@pytest.mark.parametrize("status, words", [(401, "does not accept the key"), (403, "refuses access"), (404, "no such address or model")])
def test_what_no_row_would_survive_ends_the_run_in_one_line(status: int, words: str, serve, data: TrainingData) -> None:
    server = serve(lambda *_: llm.fails(status, f"the key {KEY}"))
    with pytest.raises(ConfigError, match=words) as caught:
        run(data, server.url, chat={"key": KEY})
    assert KEY not in str(caught.value)
    assert len(server.asked) == 1


def test_nobody_at_the_address_is_told_at_once(data: TrainingData) -> None:
    with pytest.raises(ConfigError, match=r"127\.0\.0\.1 cannot be reached"):
        run(data, "http://127.0.0.1:9/v1")


def test_a_server_that_goes_away_later_costs_the_rows(data: TrainingData) -> None:
    def respond(body: dict, number: int):
        server._server.socket.close()
        return llm.queries(about(body))

    server = llm.LlmServer(respond)
    with Chat(Endpoint(url=server.url, model="m"), sleep=lambda _: None) as chat:
        assert chat.ask([{"role": "user", "content": PASSAGES["rent"]}], seed=0)
        server.close()
        with pytest.raises(RowError, match=r"the server is away|broke off"):
            chat.ask([{"role": "user", "content": "again"}], seed=0)


def test_after_many_faults_in_a_row_the_others_are_not_asked_for(serve, data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "MOST_IN_A_ROW", 2)
    server = serve(lambda *_: llm.says("no"))
    made = run(data, server.url)
    assert len(server.asked) == 2
    assert lost(made)[writer_module.NOT_ASKED] == 1


def test_answers_are_kept_by_all_that_they_depend_on(serve, data: TrainingData, tmp_path: Path) -> None:
    server = serve(lambda body, _: llm.queries(about(body)))
    first = run(data, server.url, tmp_path)
    again = run(data, server.url, tmp_path, chat={"key": KEY})
    assert new(first) == new(again)
    assert len(server.asked) == 3
    run(data, server.url, tmp_path, seed=1)
    run(data, server.url, tmp_path, copies=2)
    assert len(server.asked) == 9


def test_a_kept_answer_that_is_damaged_is_asked_for_again(serve, data: TrainingData, tmp_path: Path) -> None:
    server = serve(lambda body, _: llm.queries(about(body)))
    run(data, server.url, tmp_path)
    next((tmp_path / "answers").iterdir()).write_bytes(b"{")
    assert len(new(run(data, server.url, tmp_path))) == 3
    assert len(server.asked) == 4


def test_several_at_once_give_the_same_in_the_same_order(serve, data: TrainingData) -> None:
    server = serve(lambda body, _: llm.queries(about(body)), delay_s=0.02)
    assert new(run(data, server.url, parallel=3)) == new(run(data, server.url))


def test_a_number_that_the_passage_does_not_hold_is_not_taken(serve, data: TrainingData) -> None:
    server = serve(lambda body, _: llm.queries("is the rent 900 dollars?", "is the rent 950 dollars?"))
    made = run(data, server.url, copies=2, passages="train")
    assert new(made) == ["is the rent 900 dollars?"]
    assert lost(made)["the query names a number that its passage does not hold"] == 5


@pytest.mark.parametrize(
    ("query", "passage", "foreign"),
    [
        ("第十三条规定了什么", "第十二条 承租人应当按月支付租金。", True),
        ("第12条规定了什么", "第十二条 承租人应当按月支付租金。", False),
        ("第十二條說什麼", "第12条 承租人", False),
        ("2019 rents", "自2019年起", False),
        ("is it 5 dollars?", "It costs $5.", False),
        ("what must be paid in 30 days?", "a 30-day term", False),
        ("is it 1500?", "1,500 dollars", False),
        ("罚款三万元吗", "处30000元以上罚款", False),
        ("罚款3万元吗", "处二万元以上罚款", True),
        ("百分之五的税吗", "税率为5%", False),
        ("三点五倍吗", "3.5倍", False),
        ("30.12.2024 ends it?", "2024年12月30日", False),
        ("有一个问题，万一价格十分贵，千万别付，怎么办", "没有数字", False),
        ("２．５ mg?", "2.5mg", False),
        ("is it 7.5%?", "7 or 5", True),
    ],
)
def test_numbers_are_compared_by_their_values(query: str, passage: str, foreign: bool) -> None:
    assert bool(numbers_named(query) - numbers_in(passage)) is foreign


def test_a_chinese_number_that_the_passage_does_not_hold_is_not_taken(serve, data: TrainingData) -> None:
    server = serve(lambda body, _: llm.queries("五日前付多少", "六日前付多少") if about(body) == "租金" else llm.says("no"))
    assert new(run(data, server.url, copies=2)) == ["五日前付多少"]


class ByFirstLetter:
    """An encoder: the same first letter, the same vector."""

    def encode(self, texts, role="document") -> Encoded:
        vectors = np.zeros((len(texts), 128), np.float32)
        for row, text in enumerate(texts):
            vectors[row, ord(text[0].lower()) % 128] = 1
        return Encoded(vectors, np.zeros(len(texts), np.bool_))


def test_a_query_that_does_not_find_its_passage_is_not_taken(serve, data: TrainingData) -> None:
    server = serve(lambda body, _: llm.queries("the rent of it", "dogs of it") if about(body) == "rent" else llm.says("no"))
    made = run(data, server.url, copies=2, encoder=ByFirstLetter(), found_within=1)
    assert new(made) == ["the rent of it"]
    assert lost(made)["the query does not find its passage among the first 1"] == 1


def test_the_rank_of_ones_own_counts_those_that_are_better(monkeypatch: pytest.MonkeyPatch) -> None:
    from adapt_embed.datatools.augmenting import round_trip

    vectors = np.random.default_rng(0).standard_normal((30, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)

    class Known:
        def encode(self, texts, role="document") -> Encoded:
            return Encoded(vectors[[int(text) for text in texts]], np.zeros(len(texts), np.bool_))

    corpus = {f"p{row}": str(row) for row in range(10, 30)}
    monkeypatch.setattr(round_trip, "_PASSAGES", 7)
    ranks = ranks_of_own(Known(), [str(row) for row in range(10)], [f"p{row + 12}" for row in range(10)], corpus)
    scores = vectors[:10] @ vectors[10:].T
    expected = [int((scores[row] > scores[row, row + 2]).sum()) + 1 for row in range(10)]
    assert ranks.tolist() == expected


def test_without_the_round_trip_the_report_says_so(serve, data: TrainingData) -> None:
    server = serve(lambda body, _: llm.queries(about(body)))
    assert any("not filtered" in note for note in run(data, server.url).report.notes)


@pytest.mark.parametrize(
    "answer",
    [
        '{"queries": ["a b", "c"]}',
        'Here you are:\n```json\n{"queries": ["a  b", "c", "a b"]}\n```',
        '["a b", "c"]',
        'x {"queries": ["a b","c"]} y',
        '<think>[1] {"queries": ["no"]}</think>{"queries": ["a b", "c"]}',
        'as {in [1], or {"a": 1}: {"queries": ["a b", "c"]}',
    ],
)
def test_queries_are_read_out_of_what_stands_around_them(answer: str) -> None:
    assert read_queries(answer) == ["a b", "c"]


def test_a_query_that_is_a_page_is_not_taken() -> None:
    assert read_queries(json.dumps({"queries": ["x" * 500, "half \ud800", "red \x1b[31m", "fine"]})) == ["fine"]


def test_the_command_asks_filters_and_keeps(
    serve, toy_folder: Path, tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(lambda body, _: llm.queries(body["messages"][-1]["content"].split()[-3]))
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    given = ["data", "augment", toy_folder, "-m", "llm", "--rows", "4", "--endpoint", server.url, "--model", "m", "--json"]
    given += ["--base", tiny_base, "--dtype", "fp32", "--round-trip", "40", "-o"]
    first, second = (CliRunner().invoke(main, list(map(str, [*given, tmp_path / name]))) for name in ("one.jsonl", "two.jsonl"))
    assert first.exit_code == 0, first.output
    assert json.loads(first.stdout)["findings"][0]["count"] > 0
    assert len(server.asked) == 4
    assert (tmp_path / "one.jsonl").read_bytes() == (tmp_path / "two.jsonl").read_bytes()
    assert second.exit_code == 0
    assert KEY not in first.output + second.output + (tmp_path / "one.report.json").read_text(encoding="utf-8")


def test_the_command_names_the_host_that_texts_would_go_to(toy_folder: Path, tmp_path: Path) -> None:
    given = [
        "data",
        "augment",
        str(toy_folder),
        "-m",
        "llm",
        "--endpoint",
        "https://llm.example.com/v1",
        "--model",
        "m",
        "-o",
        str(tmp_path / "o.jsonl"),
    ]
    result = CliRunner().invoke(main, given)
    assert result.exit_code == 2
    assert "--send-texts-to llm.example.com" in result.output


def test_every_error_is_one_of_the_package() -> None:
    assert issubclass(RequestError, AdaptError)
    assert not issubclass(RowError, AdaptError)  # it ends no run
