"""What the user calls a data source -> the data of a run; a test split is never opened."""

import json
from pathlib import Path

import pytest
from adapt_embed.data import Domain, HubSet, TrainingData, domain_data, load_domain, load_training_data, sources
from adapt_embed.data.pairs import Pairs, draw_queries
from adapt_embed.errors import ConfigError, DataError, DomainError

LEGAL = load_domain("legal")


def load(
    source: str | Path | None, domain: Domain = LEGAL, lang: str = "en", seed: int = 0, train_queries: int | None = None
) -> TrainingData:
    return load_training_data(None if source is None else str(source), domain=domain, lang=lang, seed=seed, train_queries=train_queries)


def write_jsonl(path: Path, rows: list[dict[str, object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def beir_copy(tmp_path: Path) -> Path:
    """A BEIR folder with 150 train, 20 dev and 10 test queries."""
    folder = tmp_path / "beir"
    write_jsonl(folder / "corpus.jsonl", [{"_id": f"p{n}", "title": "", "text": f"passage {n}"} for n in range(180)])
    write_jsonl(folder / "queries.jsonl", [{"_id": f"q{n}", "text": f"query {n}"} for n in range(180)])
    (folder / "qrels").mkdir()
    for split, rows in (("train", range(150)), ("dev", range(150, 170)), ("test", range(170, 180))):
        lines = "".join(f"q{n}\tp{n}\t1\n" for n in rows)
        (folder / f"qrels/{split}.tsv").write_text(f"query-id\tcorpus-id\tscore\n{lines}", encoding="utf-8")
    return folder


def test_the_sample_is_read_without_its_test_split_and_said() -> None:
    data = load("sample")
    assert (data.source, data.language) == ("sample:legal/en", "en")
    assert data.dev is not None
    assert len(data.train) >= 300
    assert len(data.dev) >= 40
    assert data.notes == ("the data are the sample that ships with the package (legal, en)",)


def test_a_beir_folder_gives_its_train_and_dev_split(beir_copy: Path) -> None:
    data = load(beir_copy)
    assert data.dev is not None
    assert (len(data.train), len(data.dev), len(data.corpus), data.source, data.notes) == (150, 20, 180, str(beir_copy), ())


@pytest.mark.parametrize("harm", ["deleted", "corrupted"])
def test_a_test_split_that_is_deleted_or_corrupted_changes_nothing(beir_copy: Path, harm: str) -> None:
    before = load(beir_copy)
    path = beir_copy / "qrels/test.tsv"
    if harm == "deleted":
        path.unlink()
    else:
        path.write_bytes(b"\xff\xfe broken \x00\n")
    assert load(beir_copy) == before


def test_a_beir_folder_without_dev_gives_up_a_part_of_train_and_never_of_test(beir_copy: Path) -> None:
    (beir_copy / "qrels/dev.tsv").unlink()
    data = load(beir_copy)
    assert data.dev is not None
    assert (len(data.train), len(data.dev)) == (130, 20)
    assert data.train.queries.keys() | data.dev.queries.keys() == {f"q{n}" for n in range(150)}
    assert "20 of 150 queries are held out (seed 0)" in data.notes[0]


def test_train_queries_are_drawn_by_the_seed_and_told(beir_copy: Path) -> None:
    whole, data = load(beir_copy), load(beir_copy, train_queries=30, seed=3)
    assert data.train == draw_queries(whole.train, 30, 3)
    assert data.dev == whole.dev
    assert (data.drawn, whole.drawn) == (30, None)
    assert data.notes == ("30 of 150 train queries are drawn (seed 3)",)
    assert load(beir_copy, train_queries=150) == whole
    with pytest.raises(ConfigError, match="expected at least 1"):
        load(beir_copy, train_queries=0)


def test_a_jsonl_is_told_apart_by_the_keys_of_its_first_line(tmp_path: Path) -> None:
    flag = write_jsonl(tmp_path / "flag.jsonl", [{"query": "a", "pos": ["p"], "neg": ["n"]}])
    table = write_jsonl(tmp_path / "table.jsonl", [{"anchor": "a", "positive": "p", "negative": "n"}])
    one, other = load(flag), load(table)
    assert one.fingerprint() == other.fingerprint()
    assert one.train == other.train
    assert one.source == str(flag)
    assert one.dev is None
    assert "under 100 pairs (1)" in one.notes[0]
    with pytest.raises(DataError, match=r"line 1: expected the keys anchor and positive, or query and pos; found text"):
        load(write_jsonl(tmp_path / "other.jsonl", [{"text": "a"}]))


def test_a_table_is_read_and_split(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("anchor,positive\n" + "".join(f"query {n},passage {n}\n" for n in range(200)), encoding="utf-8")
    data = load(path)
    assert data.dev is not None
    assert (len(data.train), len(data.dev), len(data.corpus)) == (180, 20, 200)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "missing",
            None,
            'does not exist; a data source is "sample", "hub", a BEIR folder, or a file that ends in .csv, .tsv, .jsonl, .parquet',
        ),
        ("empty.jsonl", "", "is empty; expected one JSON object a line"),
        ("empty.csv", "", "is empty; expected a table with the columns anchor, positive"),
        ("no.csv", "a,b\nc,d\n", "lacks the column anchor, positive"),
        ("odd.txt", "x", "is not a table: its name ends in .txt"),
        ("seven.jsonl", '{"query": "a", "pos": ["b"]}\n' * 6 + "{oops\n", "line 7: not valid JSON"),
    ],
)
def test_a_source_that_cannot_be_used_is_one_clear_line(tmp_path: Path, name: str, content: str | None, message: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        load(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


def test_a_folder_that_is_no_beir_folder_is_told_what_one_is(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text("")
    with pytest.raises(
        DataError, match=r"is not a BEIR folder, it lacks queries\.jsonl, qrels/; expected corpus\.jsonl \(_id, title, text\)"
    ):
        load(tmp_path)


def test_a_beir_folder_without_a_train_split_lists_those_it_has(beir_copy: Path) -> None:
    (beir_copy / "qrels/train.tsv").unlink()
    with pytest.raises(DataError, match=r"train\.tsv does not exist; splits here: dev, test"):
        load(beir_copy)


def hub_set(name: str = "x/y") -> HubSet:
    return HubSet(id=name, revision="0" * 40, language="en", page="p", query="q", positive="a")


def pairs_data(name: str, count: int) -> TrainingData:
    pairs = Pairs(
        {f"q{n}": f"{name} query {n}" for n in range(count)}, {f"q{n}": {"p": 1, f"p{n}": 1} for n in range(count)}, {"q0": ["n"]}
    )
    corpus = {"p": f"{name} all", "n": f"{name} no"} | {f"p{n}": f"{name} passage {n}" for n in range(count)}
    return TrainingData(corpus=corpus, train=pairs, dev=None, source=f"hub:{name}", language="en")


@pytest.fixture
def two_sets(monkeypatch: pytest.MonkeyPatch) -> Domain:
    """A domain with two Hub sets, which "load" without the Hub."""
    monkeypatch.setattr(domain_data, "load_hub_set", lambda hub_set, seed: pairs_data(hub_set.id, 3))
    monkeypatch.setattr(domain_data, "is_cached", lambda hub_set: False)
    return Domain(name="d", description={}, sample="legal", hub=(hub_set("x/one"), hub_set("x/two")))


def test_unnamed_and_out_of_reach_the_sample_is_taken_and_the_reason_told(monkeypatch: pytest.MonkeyPatch, two_sets: Domain) -> None:
    monkeypatch.setattr(domain_data, "hub_is_reachable", lambda: False)
    data = load(None, two_sets)
    assert data.source == "sample:legal/en"
    assert data.notes[0].endswith("because the domain's Hub sets are not cached, and the Hub cannot be reached")


def test_unnamed_and_in_reach_the_hub_sets_are_taken_together(monkeypatch: pytest.MonkeyPatch, two_sets: Domain) -> None:
    monkeypatch.setattr(domain_data, "hub_is_reachable", lambda: True)
    data = load(None, two_sets)
    assert data.source == "hub:x/one + hub:x/two"
    assert data.dev is None
    assert len(data.train) == 6
    assert len(data.corpus) == 10
    assert {data.corpus[pid] for pid in data.train.positives["1/q2"]} == {"x/two all", "x/two passage 2"}
    assert [data.corpus[pid] for pid in data.train.negatives["0/q0"]] == ["x/one no"]


def test_unnamed_and_cached_the_hub_is_not_asked(monkeypatch: pytest.MonkeyPatch, two_sets: Domain) -> None:
    monkeypatch.setattr(domain_data, "is_cached", lambda hub_set: True)
    monkeypatch.setattr(domain_data, "hub_is_reachable", lambda: pytest.fail("the Hub was asked"))
    assert load(None, two_sets).source == "hub:x/one + hub:x/two"


def test_unnamed_a_hub_set_that_fails_gives_way_to_the_sample_and_named_it_does_not(
    monkeypatch: pytest.MonkeyPatch, two_sets: Domain
) -> None:
    def fail(hub_set: HubSet, seed: int) -> TrainingData:
        raise DataError(f"{hub_set.id} is gone; use the sample that ships with --data sample")

    monkeypatch.setattr(domain_data, "load_hub_set", fail)
    monkeypatch.setattr(domain_data, "hub_is_reachable", lambda: True)
    assert load(None, two_sets).notes[0].endswith("(legal, en), because x/one is gone")
    with pytest.raises(DataError, match="x/one is gone"):
        load("hub", two_sets)


def test_a_domain_without_hub_sets_in_the_language_takes_the_sample() -> None:
    data = load(None, LEGAL, "zh")
    assert data.source == "sample:legal/zh"
    assert "names no Hub sets in the language 'zh'" in data.notes[0]
    with pytest.raises(DataError, match="names no Hub sets in the language 'zh'; use the sample"):
        load("hub", LEGAL, "zh")


def test_a_domain_without_a_sample_and_a_language_without_one_are_told() -> None:
    bare = Domain(name="roses", description={})
    for source in (None, "sample"):
        with pytest.raises(DataError, match=r"the domain roses has no sample.*name a source with --data PATH"):
            load(source, bare)
    with pytest.raises(
        DataError,
        match=r"no sample 'legal' in the language 'fr'; samples: ecommerce \(en\), legal \(en\), medical \(en\), ecommerce \(zh\)",
    ):
        load("sample", LEGAL, "fr")


def test_dev_data_come_from_the_dev_split_alone(beir_copy: Path) -> None:
    (beir_copy / "qrels/train.tsv").unlink()
    (beir_copy / "qrels/test.tsv").write_text("garbage", encoding="utf-8")
    name, corpus, dev = sources.load_dev_data(str(beir_copy), lang="en", seed=0)
    assert (name, len(corpus), sorted(dev.queries)[0], len(dev)) == ("beir", 180, "q150", 20)


def test_dev_data_of_a_domain_are_its_samples_and_of_a_table_a_part_held_out(tmp_path: Path) -> None:
    assert sources.load_dev_data("medical", lang="zh", seed=0)[0] == "medical"
    table = tmp_path / "pairs.csv"
    table.write_text("anchor,positive\n" + "".join(f"question {n},answer {n}\n" for n in range(200)), encoding="utf-8")
    name, _, dev = sources.load_dev_data(str(table), lang="en", seed=0)
    assert (name, 20 <= len(dev) <= 40) == ("pairs.csv", True)
    table.write_text("anchor,positive\nquestion,answer\n", encoding="utf-8")
    with pytest.raises(DataError, match="too few queries to hold some out"):
        sources.load_dev_data(str(table), lang="en", seed=0)
    with pytest.raises(DomainError, match="unknown domain 'leagl'"):
        sources.load_dev_data("leagl", lang="en", seed=0)
