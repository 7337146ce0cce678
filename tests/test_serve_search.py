"""`POST /search` and `POST /events` of a server on the tiny base: what is found, who gets which arm, and what the log holds of it."""

from __future__ import annotations

import errno
import json
import random
import re
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from adapt_embed import disk
from adapt_embed.abtests.experiment.accept import MOST_OF_ANSWER
from adapt_embed.abtests.experiment.record import read_experiments
from adapt_embed.abtests.log.folder import day_files
from adapt_embed.abtests.log.forget import forget_user
from adapt_embed.errors import AdaptError, ConfigError, RequestError
from adapt_embed.index.build import BuildRequest, prepare_build
from adapt_embed.references import EncoderSettings, Search
from adapt_embed.registry import open_registry
from adapt_embed.serve.app import make_app
from adapt_embed.serve.http.refusals import Refusal
from adapt_embed.serve.models.catalog import LOOK_EVERY_S
from adapt_embed.serve.search import arms
from adapt_embed.serve.search.job import prepare_searching, where_of_index
from adapt_embed.serve.search.options import SearchOptions
from adapt_embed.serve.search.request import read_search
from starlette.testclient import TestClient

FP32 = EncoderSettings(precision="fp32")
SPLIT = "base=50,law@best=50"


@pytest.fixture(scope="module")
def filled(serving: Any, tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return serving.fill(tmp_path_factory.mktemp("searching") / "registry", tiny_base)


@pytest.fixture(scope="module")
def indexes(filled: Path, tiny_base: Path, toy_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Indexes of the toy corpus by the base and by whole, which changes documents."""
    home = tmp_path_factory.mktemp("indexes")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("ADAPT_CACHE", str(home / "cache"))
        for reference in ("base", "whole"):
            where = Search(registry=open_registry(filled), base=str(tiny_base))
            prepare_build(BuildRequest(corpus=toy_folder, out=home / reference, reference=reference, where=where, settings=FP32)).run()
    return home


class Notes:
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def stage(self, what: str) -> None:
        pass


@pytest.fixture
def start(serving: Any, filled: Path, tiny_base: Path, indexes: Path, tmp_path: Path) -> Any:
    """What starts a server over the index of the base, without a socket; `registry` is another registry."""

    @contextmanager
    def started(
        *references: str, registry: Path = filled, notes: Notes | None = None, memory: int = 10**9, **words: Any
    ) -> Iterator[TestClient]:
        options = SearchOptions(**({"index": indexes / "base"} | words))
        job = serving.prepare(registry, tiny_base, *references, memory=memory)
        searching = prepare_searching(options, job.catalog)
        assert searching is not None
        served = job.open()
        with (
            searching.open(served, notes or Notes()) as routes,
            TestClient(make_app(served, job.request.options, more_routes=routes), "http://localhost") as client,
        ):
            yield client

    return started


def ask(client: TestClient, query: str = "court often", **fields: Any) -> dict[str, Any]:
    answer = client.post("/search", json={"query": query} | fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


def send(client: TestClient, *events: dict[str, Any]) -> dict[str, Any]:
    answer = client.post("/events", json={"events": list(events)})
    assert answer.status_code == 200, answer.text
    return answer.json()


def click(result: dict[str, Any], place: int = 0, kind: str = "click") -> dict[str, Any]:
    return {"answer": result["answer"], "item": result["items"][place]["id"], "kind": kind}


def logged(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in day_files(folder).values() for line in path.read_bytes().splitlines()]


def test_results_are_the_nearest_rows_side_by_side(start: Any, serving: Any, filled: Path, tiny_base: Path, toy_folder: Path) -> None:
    rows = [json.loads(line) for line in (toy_folder / "corpus.jsonl").read_text().splitlines()]
    corpus = serving.alone(filled, tiny_base, "base", [row["text"] for row in rows])
    with start() as client:
        found = ask(client, model=["base", "law@best"], k=4)
    assert [(each["model"], each["reference"]) for each in found["results"]] == [("base", "base"), ("law@best", "law@1")]
    for each in found["results"]:
        scores = corpus @ serving.alone(filled, tiny_base, each["reference"], ["court often"], "query")[0]
        best = np.argsort(-scores, kind="stable")[:4]
        assert [item["id"] for item in each["items"]] == [rows[row]["_id"] for row in best]
        np.testing.assert_allclose([item["score"] for item in each["items"]], scores[best], atol=2e-6)
        assert [item["text"] for item in each["items"]] == [rows[row]["text"] for row in best]
        assert "answer" not in each
        assert "logged" not in each
    assert "experiment" not in found


def test_titles_and_texts_of_another_file_are_told(start: Any, tmp_path: Path, toy_folder: Path) -> None:
    rows = [json.loads(line) for line in (toy_folder / "corpus.jsonl").read_text().splitlines()]
    path = tmp_path / "商品.jsonl"
    path.write_text("".join(json.dumps({"id": row["_id"], "title": "台灯", "text": "亮"}) + "\n" for row in rows))
    with start(texts=path) as client:
        assert {(item["title"], item["text"]) for item in ask(client)["results"][0]["items"]} == {("台灯", "亮")}


def test_searches_at_once_find_what_each_finds_alone(start: Any) -> None:
    asked = [(f"court {word} 灯", k) for k, word in enumerate(("often", "river", "water", "law", "house", "road"), 2)]
    with start() as client:
        alone = [ask(client, query, k=k)["results"][0]["items"] for query, k in asked]
        with ThreadPoolExecutor(6) as pool:
            together = [each["results"][0]["items"] for each in pool.map(lambda each: ask(client, each[0], k=each[1]), asked * 5)]
    for found, expected in zip(together, alone * 5, strict=True):
        assert [item["id"] for item in found] == [item["id"] for item in expected]


@pytest.mark.parametrize("header", [b"\xff", b"u" * 201, "灯".encode("gb18030")])
def test_a_user_in_a_header_that_is_not_a_text_is_refused(header: bytes) -> None:
    with pytest.raises(Refusal, match="X-Adapt-User is not a text"):
        read_search(b'{"query": "a"}', {"x-adapt-user": header.decode("latin-1")})


def test_a_user_is_named_once(start: Any) -> None:
    with start() as client:
        two = client.post("/search", json={"query": "a", "user": "u"}, headers={"X-Adapt-User": "v"})
        header = [("X-Adapt-User", "u"), ("X-Adapt-User", "v")]
        assert client.post("/search", json={"query": "a"}, headers=header).status_code == 422
    assert (two.status_code, "name two users" in two.text) == (422, True)
    assert read_search(b'{"query": "a", "user": "u"}', {"x-adapt-user": "u"}).user == "u"
    assert read_search('{"query": "a", "user": " e\u0301"}'.encode(), {"x-adapt-user": "é".encode().decode("latin-1")}).user == "é"
    assert read_search(b'{"query": "a", "user": "\\n "}', {"x-adapt-user": " "}).user is None
    assert read_search(b'{"query": "a", "k": null}', {}).k == 10


@pytest.mark.parametrize(
    "body, status, says",
    [
        (b"{", 400, "not JSON"),
        (b"\xff", 400, "not JSON"),
        (b"[]", 422, "not an object"),
        (b'{"query": ""}', 422, "query is absent or empty"),
        (b'{"query": "  "}', 422, "query is absent or empty"),
        (b'{"query": 3}', 422, "query is not a text"),
        (b'{"query": "\\ud800"}', 422, "query is not a text"),
        (b'{"query": "a", "query": "b"}', 400, "not JSON"),
        (b'{"query": "a", "modle": "base"}', 422, "expected some of query, model, k, user, segment"),
        (b'{"query": "a", "k": 0}', 422, "k is not a whole number from 1 to 100"),
        (b'{"query": "a", "k": true}', 422, "k is not"),
        (b'{"query": "a", "model": []}', 422, "model is neither"),
        (b'{"query": "a", "model": ["base", "base"]}', 422, "each once"),
        (b'{"query": "a", "model": "/etc"}', 404, "unknown model"),
        (b'{"query": "a", "model": "whole"}', 422, "other vectors than the index"),
        (b'{"query": "a", "user": 7}', 422, "user is not a text"),
    ],
)
def test_a_request_that_is_not_one_is_refused_without_its_words(start: Any, body: bytes, status: int, says: str) -> None:
    with start() as client:
        answer = client.post("/search", content=body)
    assert (answer.status_code, says in answer.text) == (status, True), answer.text


def test_a_user_gets_one_arm_and_the_log_holds_what_was_shown(start: Any, tmp_path: Path) -> None:
    log, notes = tmp_path / "log", Notes()
    with start(split=SPLIT, events=log, notes=notes) as client:
        found = {user: [ask(client, "水 court", user=user, segment="新") for _ in range(2)] for user in ("王小明", *map(str, range(30)))}
        header = client.post("/search", json={"query": "river"}, headers={"X-Adapt-User": "王小明".encode()}).json()
    arms = {user: {each["arm"] for each in answers} for user, answers in found.items()}
    assert all(len(each) == 1 for each in arms.values())
    assert set().union(*arms.values()) == {"base", "law@best"}
    assert header["arm"] in arms["王小明"]
    lines, (experiment,) = logged(log), read_experiments(log)
    assert lines[0]["query"] == "水 court"
    assert lines[0]["segment"] == "新"
    assert lines[0]["shown"] == [item["id"] for item in found["王小明"][0]["results"][0]["items"]]
    assert lines[0]["id"] == found["王小明"][0]["results"][0]["answer"]
    assert {line["experiment"] for line in lines} == {experiment.id}
    assert len({line["user"] for line in lines}) == 31
    assert lines[-1]["user"] == lines[0]["user"]
    assert all("王小明" not in path.read_text() for path in log.rglob("*") if path.is_file())
    assert any("personal data" in note and "adapt ab forget" in note for note in notes.notes)
    assert [arm.reference for arm in experiment.arms] == ["base", "law@1"]


def test_a_request_without_a_user_is_drawn_and_flagged(start: Any, tmp_path: Path) -> None:
    with start(split=SPLIT, events=tmp_path / "log") as client:
        found = [ask(client) for _ in range(40)]
    assert {each["arm"] for each in found} == {"base", "law@best"}
    assert all(each["unassigned"] for each in found)
    assert {line["user"] for line in logged(tmp_path / "log")} == {None}


def test_a_restart_keeps_experiment_arms_and_open_answers_and_a_ramp_moves_few(start: Any, tmp_path: Path) -> None:
    log, users = tmp_path / "log", [str(number) for number in range(40)]
    with start(split="base=80,law@best=20", events=log) as client:
        before = {user: ask(client, user=user) for user in users}
        first = before["0"]["results"][0]
        assert send(client, click(first))["accepted"] == 1
    with start(split="base=80,law@best=20", events=log) as client:
        assert all(ask(client, user=user)["arm"] == before[user]["arm"] for user in users)
        again = send(client, click(first), click(first, 1), click(first, kind="purchase"))
        assert again == {
            "accepted": 2,
            "refused": [{"index": 0, "reason": "repeated", "message": "this event of this item was taken before"}],
        }
    with start(split=SPLIT, events=log) as client:
        after = {user: ask(client, user=user) for user in users}
    assert {each["experiment"] for each in (*before.values(), *after.values())} == {read_experiments(log)[0].id}
    assert {(before[user]["arm"], after[user]["arm"]) for user in users} == {
        ("base", "base"),
        ("base", "law@best"),
        ("law@best", "law@best"),
    }


def test_a_moved_alias_begins_a_new_experiment_while_the_server_runs(start: Any, serving: Any, tiny_base: Path, tmp_path: Path) -> None:
    home = serving.fill(tmp_path / "registry", tiny_base)
    registry = open_registry(home)
    with start(split=SPLIT, events=tmp_path / "log", registry=home) as client:
        first = ask(client, user="u")
        serving.add(registry, tiny_base, "law", 9, "query")
        registry.set_alias(registry.find("law", "2"), "best")
        time.sleep(2 * LOOK_EVERY_S)
        second = ask(client, user="u")
        serving.add(registry, tiny_base, "law", 10, None)
        registry.set_alias(registry.find("law", "3"), "best")
        time.sleep(2 * LOOK_EVERY_S)
        third = ask(client, user="u")
        registry.remove_alias("law", "best")
        fourth = [ask(client, user=str(number)) for number in range(20)]
    assert first["experiment"] != second["experiment"] == third["experiment"]
    assert {each["experiment"] for each in fourth} == {third["experiment"]}
    assert {(each["arm"], each["results"][0]["reference"]) for each in fourth} == {("base", "base"), ("law@best", "law@2")}
    assert [arm.reference for arm in read_experiments(tmp_path / "log")[-1].arms] == ["base", "law@2"]


def test_an_arm_whose_weights_are_damaged_is_refused_in_a_line(start: Any, serving: Any, tiny_base: Path, tmp_path: Path) -> None:
    home = serving.fill(tmp_path / "registry", tiny_base)
    (home / "law" / "1" / "adapter_model.safetensors").write_bytes(b"damaged")
    with (
        pytest.raises(ConfigError, match=r"law@best cannot be searched with: law@1 cannot"),
        start(split=SPLIT, events=tmp_path / "log", registry=home),
    ):
        pass


def test_arms_answer_whatever_else_is_loaded_after_the_registry_lost_them(
    start: Any, serving: Any, tiny_base: Path, tmp_path: Path
) -> None:
    home = serving.fill(tmp_path / "registry", tiny_base)
    registry = open_registry(home)
    with start(split="base=0,law@best=100", events=tmp_path / "log", registry=home, memory=1) as client:
        first = ask(client, user="u")["results"][0]
        registry.remove(registry.find("law", "1"), force=True)
        ask(client, model="health")
        ask(client, model="base")
        again = ask(client, user="u")["results"][0]
    assert (again["reference"], again["items"]) == ("law@1", first["items"])


def test_arms_that_moved_while_the_disk_was_full_are_compared_later(
    start: Any, serving: Any, tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(operation: str, path: Path) -> None:
        if operation == "write" and path.parent.name == "experiments":
            raise OSError(errno.ENOSPC, "No space left on device")

    home = serving.fill(tmp_path / "registry", tiny_base)
    registry = open_registry(home)
    with start(split=SPLIT, events=tmp_path / "log", registry=home) as client:
        first = ask(client, user="u")
        serving.add(registry, tiny_base, "law", 9, "query")
        registry.set_alias(registry.find("law", "2"), "best")
        time.sleep(2 * LOOK_EVERY_S)
        with monkeypatch.context() as patch:
            patch.setattr(disk, "FAULT", full)
            patch.setattr(arms, "RETRY_S", 0.0)
            assert ask(client, user="u")["experiment"] == first["experiment"]
        assert ask(client, user="u")["experiment"] != first["experiment"]


def test_arms_of_one_version_search_their_own_indexes(start: Any, filled: Path, tiny_base: Path, tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text('{"_id": "court", "text": "court"}\n{"_id": "river", "text": "river"}\n')
    where = Search(registry=open_registry(filled), base=str(tiny_base))
    build = BuildRequest(corpus=tmp_path / "corpus.jsonl", out=tmp_path / "own", reference="base", where=where, settings=FP32)
    prepare_build(build).run()
    with start(interleave="law@best,law@1", events=tmp_path / "log", index_of=[f"law@1={tmp_path / 'own'}"]) as client:
        ask(client, user="u")
    assert {item for item, arm in logged(tmp_path / "log")[0]["interleaved"].items() if arm == "law@1"} == {"court", "river"}


def test_a_name_in_another_unicode_form_is_told_and_counted_as_it_is_served(
    start: Any, serving: Any, tiny_base: Path, tmp_path: Path
) -> None:
    home = serving.fill(tmp_path / "registry", tiny_base)
    serving.add(open_registry(home), tiny_base, "é", 9, "query")
    with start(registry=home) as client:
        assert ask(client, model="e\u0301")["results"][0]["model"] == "é"
        assert "e\u0301" not in client.get("/metrics").text


def test_an_arm_that_changes_documents_needs_an_index_of_its_own(start: Any, indexes: Path, tmp_path: Path) -> None:
    with pytest.raises(AdaptError, match=r"--index-of whole=DIR"), start(split="base=1,whole=1", events=tmp_path / "log"):
        pass
    with start(split="base=50,whole=50", events=tmp_path / "log", index_of=[f"whole={indexes / 'whole'}"]) as client:
        assert {ask(client, user=str(number))["arm"] for number in range(20)} == {"base", "whole"}
        assert ask(client, model="whole")["results"][0]["items"]
    with start(index=indexes / "whole") as client:
        assert ask(client)["results"][0]["model"] == "whole@1"
        assert client.post("/search", json={"query": "a", "model": "base"}).status_code == 422
    with (
        pytest.raises(AdaptError, match=r"unknown arm or reference 'lwa'\. Did you mean law"),
        start(split="base=1,lwa=1", events=tmp_path / "log"),
    ):
        pass


def test_interleaved_lists_hold_both_arms_and_equal_arms_get_no_credit(start: Any, tmp_path: Path) -> None:
    with start(interleave="base,law@best", events=tmp_path / "log") as client:
        found = [ask(client, user="u") for _ in range(2)]
        asked = [ask(client, query, user=f"u{number}") for number, query in enumerate(("river water", "court", "often", "a 灯"))]
    result = found[0]["results"][0]
    assert (result["model"], "score" in result["items"][0], "arm" in found[0]) == ("interleaved", False, False)
    assert result["items"] == found[1]["results"][0]["items"]
    lines = logged(tmp_path / "log")
    assert [line["shown"] for line in lines[2:]] == [[item["id"] for item in each["results"][0]["items"]] for each in asked]
    assert set().union(*(line["interleaved"].values() for line in lines)) == {"base", "law@best"}
    assert all(line["arm"] is None and set(line["interleaved"]) <= set(line["shown"]) for line in lines)
    with start(interleave="base,base", events=tmp_path / "a-a") as client:
        for number in range(5):
            ask(client, user=str(number))
    assert [line["interleaved"] for line in logged(tmp_path / "a-a")] == [{}] * 5


def test_exploration_shows_what_it_logs(start: Any, tmp_path: Path) -> None:
    with start(explore="100%", events=tmp_path / "log") as client:
        found = [ask(client, user="u", k=6)["results"][0] for _ in range(12)]
    with start() as client:
        plain = [item["id"] for item in ask(client, k=6)["results"][0]["items"]]
    lines = logged(tmp_path / "log")
    assert [line["shown"] for line in lines] == [[item["id"] for item in each["items"]] for each in found]
    assert len({tuple(line["explored"]) for line in lines}) > 3
    for line in lines:
        assert sorted(line["shown"]) == sorted(plain)
        moved = [place for place, item in enumerate(line["shown"], 1) if item != plain[place - 1]]
        assert moved == line["explored"]


def test_events_are_counted_by_kind_and_by_reason(start: Any, tmp_path: Path) -> None:
    with start(events=tmp_path / "log") as client:
        result = ask(client, user="u")["results"][0]
        forged = click(result) | {"answer": "A" * 32}
        found = send(client, click(result), click(result), forged, click(result) | {"item": "p"}, {"kind": "click"}, "x")  # type: ignore[arg-type]
        assert client.post("/events", json=click(result, 1, "purchase")).json() == {"accepted": 1, "refused": []}
        told = client.get("/metrics").text
        bad = [client.post("/events", content=body).status_code for body in (b"{", b"[]", b'{"events": 3}', b'{"events": []}')]
    assert [each["reason"] for each in found["refused"]] == ["repeated", "forged", "not_shown", "malformed", "malformed"]
    assert bad == [400, 422, 422, 422]
    for line in (
        'adapt_events_total{kind="click"} 1.0',
        'adapt_events_total{kind="purchase"} 1.0',
        'adapt_events_refused_total{reason="malformed"} 2.0',
        'adapt_searches_total{model="base"} 1.0',
    ):
        assert line in told
    events = logged(tmp_path / "log")[1:]
    assert [(each["kind"], each["position"]) for each in events] == [("click", 1), ("purchase", 2)]


def test_a_user_is_forgotten_while_the_server_runs(start: Any, tmp_path: Path) -> None:
    with start(events=tmp_path / "log") as client:
        own, other = (ask(client, user=user)["results"][0] for user in ("王小明", "u"))
        assert send(client, click(own), click(other))["accepted"] == 2
        assert forget_user(tmp_path / "log", "王小明").as_dict() == {"answers": 1, "events": 1, "files": 1}
        refused = send(client, click(own, 1), click(other, 1))
        assert [each["reason"] for each in refused["refused"]] == ["forgotten"]
        again = ask(client, user="王小明")["results"][0]
        assert send(client, click(again))["accepted"] == 1
    assert [line.get("id", line.get("answer")) for line in logged(tmp_path / "log")] == [
        other["answer"],
        other["answer"],
        other["answer"],
        again["answer"],
        again["answer"],
    ]


def test_no_body_whatever_is_answered_by_an_error_of_the_server(start: Any, tmp_path: Path) -> None:
    drawn = random.Random(0)
    scraps = [
        "",
        "灯",
        "\x00",
        "\ud800",
        "a" * 300,
        -1,
        0,
        1e308,
        None,
        True,
        [],
        {},
        [[]],
        ["base", 1],
        {"answer": {}},
        "click",
        "base",
        "u",
    ]
    keys = ["query", "model", "k", "user", "segment", "events", "answer", "item", "kind"]
    with start(split=SPLIT, events=tmp_path / "log") as client:
        result = ask(client, user="u")["results"][0]
        scraps += [result["answer"], result["items"][0]["id"]]
        statuses = Counter()
        for number in range(150):
            body = {key: drawn.choice(scraps) for key in drawn.sample(keys, drawn.randint(0, 5))}
            body |= {"query": "a"} if number % 2 else {}
            sent = json.dumps([body, {"events": [body, drawn.choice(scraps)]}][number % 3 == 0])
            statuses[client.post(("/search", "/events")[number % 4 // 2], content=sent).status_code] += 1
    assert set(statuses) <= {200, 400, 404, 422}
    assert statuses[200] > 10
    assert all(isinstance(line, dict) for line in logged(tmp_path / "log"))


def test_a_full_disk_costs_the_log_and_not_the_answers(start: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(operation: str, path: Path) -> None:
        if operation == "write" and path.suffix == ".jsonl":
            raise OSError(28, "No space left on device")

    for number, fsync in enumerate(("interval", "each")):
        log = tmp_path / f"log{number}"
        with start(events=log, fsync=fsync) as client:
            result = ask(client, user="u")["results"][0]
            with monkeypatch.context() as patched:
                patched.setattr(disk, "FAULT", full)
                assert client.post("/events", json=click(result)).status_code == 503
                without = ask(client, user="u")["results"][0]
            assert (without["logged"], "answer" in without, len(without["items"])) == (False, False, 10)
            assert send(client, click(result))["accepted"] == 1
            assert 'adapt_answers_unlogged_total{reason="disk"} 1.0' in client.get("/metrics").text
        assert [line["kind"] for line in logged(log)] == ["answer", "click"]


def test_a_flood_of_one_user_weighs_what_one_answer_may(start: Any, tmp_path: Path) -> None:
    with start(events=tmp_path / "log") as client:
        result = ask(client, user="flood", k=40)["results"][0]
        sent = [send(client, *(click(result, place) for place in range(len(result["items"])))) for _ in range(3)]
    assert sum(each["accepted"] for each in sent) == MOST_OF_ANSWER
    reasons = Counter(each["reason"] for part in sent for each in part["refused"])
    assert reasons["answer_limit"] > 0
    assert set(reasons) == {"answer_limit", "repeated"}


@pytest.mark.parametrize(
    "words, says",
    [
        ({"split": SPLIT, "interleave": "a,b", "events": "x"}, "--split gives each user one arm"),
        ({"split": SPLIT}, "--split needs the event log"),
        ({"explore": "1%"}, "--explore needs the event log"),
        ({"keep_days": 3}, "--keep-days needs the event log"),
        ({"fsync": "each"}, "--fsync needs the event log"),
        ({"event_window": "1h"}, "--event-window needs the event log"),
        ({"index": None, "events": "x"}, "--events needs an index"),
        ({"index": None, "split": SPLIT, "events": "x"}, "--split needs an index"),
        ({"index": None, "texts": "x"}, "--texts needs an index"),
        ({"events": "x", "event_window": "1 week"}, "such as 24h, 30m or 7d"),
        ({"events": "x", "event_window": "91d"}, "at most 90d"),
        ({"events": "x", "explore": "1"}, "write the percent sign"),
        ({"events": "x", "keep_days": 0}, "--keep-days 0 deletes answers of which events are taken for 1 days"),
        ({"events": "x", "keep_days": 2, "event_window": "7d"}, "taken for 7 days"),
        ({"index_of": ["whole"]}, "is not REF=DIR"),
    ],
)
def test_options_that_contradict_one_another_are_refused_before_anything_is_opened(words: dict[str, Any], says: str) -> None:
    with pytest.raises(RequestError, match=re.escape(says)):
        SearchOptions(**({"index": Path("absent")} | words))


def test_the_base_is_that_of_the_index(filled: Path, tiny_base: Path, indexes: Path) -> None:
    where = Search(registry=open_registry(filled))
    found = where_of_index(SearchOptions(index=indexes / "base"), where)
    assert found.base is not None
    assert Path(found.base).resolve() == tiny_base.resolve()
