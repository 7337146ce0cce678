"""Dividing data: what no two splits share, what is refused or told, and that what comes out is trained on and scored."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from adapt_embed.bench.sources import task_from_folder
from adapt_embed.bench.tasks.data import data_of
from adapt_embed.cli import main
from adapt_embed.data.domains import load_domain
from adapt_embed.data.overlap import overlaps_of
from adapt_embed.data.pairs import Pairs, TrainingData, normalise
from adapt_embed.data.sources import load_training_data
from adapt_embed.data.test_split import has_test_split, read_test_split
from adapt_embed.datatools.splitting import Divided, split
from adapt_embed.datatools.splitting.settings import By, SplitSettings
from adapt_embed.datatools.splitting.times import read_time
from adapt_embed.errors import ConfigError, DataError
from click.testing import CliRunner, Result


def adapt(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def data_of_pairs(pairs: Pairs, corpus: dict[str, str], dev: Pairs | None = None) -> TrainingData:
    return TrainingData(corpus=corpus, train=pairs, dev=dev, source="these")


@pytest.fixture
def tangled() -> TrainingData:
    """200 queries: every tenth has the text of the next, but for case and space; neighbours of seven share a positive's text; ten groups."""
    queries = {f"q{n}": f"谁付第{n}期租金" if n % 2 else f"who pays rent {n}" for n in range(200)}
    queries |= {f"q{n}": f"  {queries[f'q{n + 1}'].upper()} " for n in range(0, 200, 10)}
    corpus = {f"p{n}": f"answer {n // 7 if n % 3 == 0 else 1000 + n}" for n in range(200)} | {"other": "nobody asks"}
    groups = {f"q{n}": f"patient {n % 10}" for n in range(190)}
    return data_of_pairs(Pairs(queries, {f"q{n}": {f"p{n}": 1} for n in range(200)}, groups=groups), corpus)


def splits_of(made: Divided) -> dict[str, Pairs]:
    found = {"train": made.data.train, "dev": made.data.dev, "test": made.test}
    return {name: pairs for name, pairs in found.items() if pairs is not None}


def keys(pairs: Pairs, corpus: dict[str, str], what: str) -> set[str]:
    if what == "positive":
        return {normalise(corpus[pid]) for passages in pairs.positives.values() for pid in passages}
    return set(pairs.groups.values()) if what == "group" else {normalise(text) for text in pairs.queries.values()}


@pytest.mark.parametrize(
    ("by", "apart", "meets"),
    [
        ("component", ("query", "positive"), ()),
        ("query", ("query",), ("positive",)),
        ("document", ("positive",), ("query",)),
        ("group", ("group",), ("positive",)),
    ],
)
def test_no_two_splits_share_what_is_named(tangled: TrainingData, by: By, apart: tuple[str, ...], meets: tuple[str, ...]) -> None:
    for seed in range(3):
        made = split(tangled, SplitSettings(by=by, dev=0.2, test=0.3, seed=seed))
        splits = splits_of(made)
        assert sum(map(len, splits.values())) == 200
        assert len(splits["test"]) >= 50
        shared = {
            what: any(
                keys(splits[a], tangled.corpus, what) & keys(splits[b], tangled.corpus, what)
                for a, b in (("train", "dev"), ("train", "test"), ("dev", "test"))
            )
            for what in (*apart, *meets)
        }
        assert shared == dict.fromkeys(apart, False) | dict.fromkeys(meets, True)
        assert made.data.corpus is tangled.corpus


def test_the_seed_alone_decides_the_split(tangled: TrainingData) -> None:
    tests = [split(tangled, SplitSettings(seed=seed)).test for seed in (0, 0, 1)]
    assert tests[0] == tests[1] != tests[2]


def test_shares_and_numbers_of_queries_are_met_where_the_groups_are_small(tangled: TrainingData) -> None:
    made = split(tangled, SplitSettings(by="query", dev=0.05, test=30))
    assert {name: len(pairs) for name, pairs in splits_of(made).items()} == {"train": 160, "dev": 10, "test": 30}
    only = split(tangled, SplitSettings(by="query", dev=0, test=0.5))
    assert only.data.dev is None
    assert only.report.written["test queries"] == 100
    assert split(tangled, SplitSettings(test=0)).test is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"dev": 1.5}, "expected a share below 1"),
        ({"dev": -0.1}, "expected a share below 1"),
        ({"dev": float("nan")}, "expected a share below 1"),
        ({"dev": 0, "test": 0}, "neither a dev nor a test split"),
        ({"dev": 0.5, "test": 0.5}, "none is left to train on"),
        ({"by": "chapter"}, "chapter"),
    ],
)
def test_shares_that_make_no_sense_are_refused(values: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SplitSettings(**values)


def test_more_queries_than_there_are_cannot_be_held_out(tangled: TrainingData) -> None:
    with pytest.raises(DataError, match="dev and test are to have 220 of 200 queries, so that none is left to train on"):
        split(tangled, SplitSettings(dev=20, test=200))


def one_component(whole: int, alone: int) -> TrainingData:
    """So many queries that one passage answers, and others with a passage each."""
    count = whole + alone
    positives = {f"q{n}": {"shared": 1} if n < whole else {f"p{n}": 1} for n in range(count)}
    corpus = {"shared": "the law"} | {f"p{n}": f"passage {n}" for n in range(whole, count)}
    return data_of_pairs(Pairs({f"q{n}": f"question {n}" for n in range(count)}, positives), corpus)


def test_one_component_that_holds_nearly_all_is_refused_with_the_way_out() -> None:
    with pytest.raises(
        DataError, match=r"no test split of 10 queries can be made .* shares no query's text or a positive passage with the others"
    ):
        split(one_component(100, 0), SplitSettings())
    with pytest.raises(
        DataError,
        match=r"the largest of 1 group that must stay whole holds 100 of 100 queries \(100%\); divide in another way \(--by query",
    ):
        split(one_component(100, 0), SplitSettings(by="document"))
    assert len(split(one_component(100, 0), SplitSettings(by="query")).test or ()) == 10


@pytest.mark.parametrize("seed", range(3))
def test_something_is_left_to_train_on_where_groups_are_larger_than_what_is_asked_for(seed: int) -> None:
    data = one_component(5, 5)
    groups = {qid: "one" if at < 5 else "other" for at, qid in enumerate(data.train.queries)}
    settings = SplitSettings(by="group", test=4, dev=5, seed=seed)
    with pytest.raises(DataError, match="no dev split of 5 queries can be made"):
        split(replace(data, train=replace(data.train, groups=groups)), settings)
    made = split(replace(data, train=replace(data.train, groups=groups)), replace(settings, dev=0))
    assert (len(made.data.train), len(made.test or ())) == (5, 5)


def test_a_split_that_came_out_small_says_why() -> None:
    made = split(one_component(90, 10), SplitSettings(dev=0, test=20))
    assert len(made.test or ()) == 10
    assert (
        "test has 10 of the 20 queries that were asked for: the largest of 11 groups that must stay whole holds 90 of 100 queries (90%)"
        in made.report.notes[0]
    )
    assert made.report.facts["splits"]["test"] == {"queries": 10, "pairs": 10, "wanted": 20}


def test_groups_are_refused_where_none_is_stated_and_queries_without_one_are_told(tangled: TrainingData) -> None:
    found = [
        finding for finding in split(tangled, SplitSettings(by="group", test=0.2)).report.findings if "without a group" in finding.what
    ]
    assert [finding.count for finding in found] == [10]
    with pytest.raises(DataError, match="no query states a group"):
        split(one_component(3, 30), SplitSettings(by="group"))


def dated(times: list[str | None]) -> TrainingData:
    data = one_component(0, len(times))
    stated = {f"q{n}": time for n, time in enumerate(times) if time is not None}
    return replace(data, train=replace(data.train, times=stated))


def test_the_latest_queries_go_to_test_and_those_before_them_to_dev() -> None:
    made = split(dated([f"2024-01-{day:02}" for day in range(30, 0, -1)]), SplitSettings(by="time", dev=5, test=3))
    days = {name: sorted(pairs.times.values()) for name, pairs in splits_of(made).items()}
    assert days["test"] == ["2024-01-28", "2024-01-29", "2024-01-30"]
    assert days["dev"] == [f"2024-01-{day}" for day in range(23, 28)]
    assert max(days["train"]) == "2024-01-22"
    assert made.report.facts["times"]["train"] == {"first": "2024-01-01", "last": "2024-01-22"}


def test_queries_of_one_time_stay_together_and_a_split_is_as_near_as_they_allow() -> None:
    made = split(dated([*["2024-01-01"] * 10, *["2024-01-02"] * 4, *["2024-01-03"] * 2]), SplitSettings(by="time", dev=0, test=3))
    assert sorted(set((made.test or made.data.train).times.values())) == ["2024-01-03"]
    late = split(dated([*["2024-01-01"] * 2, *["2024-01-02"] * 20]), SplitSettings(by="time", dev=0, test=1))
    assert (len(late.data.train), len(late.test or ())) == (2, 20)  # all but one time


def test_a_second_split_by_time_that_gets_nothing_is_refused() -> None:
    with pytest.raises(DataError, match="no dev split of 10 queries can be made so that it shares no time"):
        split(dated([*["2024-01-01"] * 90, *["2024-01-02"] * 10]), SplitSettings(by="time"))


def test_queries_without_a_time_are_refused_trained_on_or_dropped() -> None:
    data = dated([*[f"2024-02-{day:02}" for day in range(1, 21)], None, None])
    with pytest.raises(DataError, match=r"2 queries of 22 were given no time \(the first: 'question 20'\); say with --undated train"):
        split(data, SplitSettings(by="time"))
    kept, dropped = (split(data, SplitSettings(by="time", undated=undated)) for undated in ("train", "drop"))
    assert {"q20", "q21"} <= kept.data.train.queries.keys()
    assert dropped.report.written["queries"] == kept.report.written["queries"] - 2
    assert [(finding.effect, finding.count) for finding in dropped.report.findings if "time" in finding.what] == [("dropped", 2)]
    with pytest.raises(DataError, match="no query states a time"):
        split(dated([None] * 9), SplitSettings(by="time"))
    with pytest.raises(DataError, match="all queries with a time state 2024"):
        split(dated(["2024-01-01"] * 9), SplitSettings(by="time"))


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2024-03-05", "2024-03-05T00:00:00+00:00"),
        ("2024/3/5", "2024-03-05"),
        ("2024年3月5日", "2024-03-05"),
        ("2024年03月05日 10:30", "2024-03-05T10:30"),
        ("2024-03-05T10:00:00+08:00", "2024-03-05T02:00:00Z"),
        ("2024年3月5日10:30", "2024-03-05T10:30"),
        ("2024年3月5日9时05分", "2024-03-05T09:05"),
        ("2024年3月5日 9时05分07秒", "2024-03-05T09:05:07"),
        ("2024/3/5 9:05", "2024-03-05T09:05"),
        ("2024-3-5 9:05:07", "2024-03-05T09:05:07"),
        ("2024/03/05 10:00:00 +0800", "2024-03-05T02:00:00Z"),
        ("2024/03/05 10:00 +08:00", "2024-03-05T02:00:00Z"),
        ("2024-03-05 9:05:07.5", "2024-03-05T09:05:07.500"),
        ("20240305103000", "2024-03-05T10:30"),
        ("20240305", "2024-03-05"),
        ("1709596800", "2024-03-05"),
        ("1709596800000", "2024-03-05"),
    ],
)
def test_times_are_read_as_people_write_them(text: str, same: str) -> None:
    assert read_time(text, "q") == read_time(same, "q")


@pytest.mark.parametrize("text", ["yesterday", "5.3.2024", "2024-13-01", "", "三月五日", "9" * 400])
def test_a_time_that_cannot_be_read_is_named_with_its_query(text: str) -> None:
    with pytest.raises(DataError, match=r"the query '谁付钱' states the time .* expected ISO 8601"):
        read_time(text, "谁付钱")


def test_a_dev_split_that_is_there_is_refused_or_divided_anew(tangled: TrainingData) -> None:
    ids = list(tangled.train.queries)
    halves = tangled.train.select(ids[:150]), tangled.train.select(ids[140:])  # ids meet, as those of a folder of lines do
    data = replace(tangled, train=halves[0], dev=halves[1])
    with pytest.raises(DataError, match="these has a dev split of 60 queries already; with --resplit"):
        split(data, SplitSettings())
    made = split(data, SplitSettings(resplit=True, by="query"))
    assert sum(map(len, splits_of(made).values())) == 210
    assert made.report.read["dev queries"] == 60


def test_examples_are_a_line_each_and_can_be_written_whatever_the_texts_hold(tmp_path: Path) -> None:
    lines = tmp_path / "data.jsonl"
    texts = [f"who pays the rent of the house\nin \x1b[31mmonth {at // 2}\ud800 and so on" for at in range(30)]
    lines.write_text("".join(json.dumps({"query": text, "pos": [f"answer {at}"]}) + "\n" for at, text in enumerate(texts)))
    result = adapt("data", "split", lines, "-o", tmp_path / "out", "--by", "query")
    assert result.exit_code == 0, result.output
    examples = [each for found in json.loads((tmp_path / "out" / "report.json").read_text())["findings"] for each in found["examples"]]
    assert examples
    assert all(each.startswith("who pays the rent of the house in \\x1b[31mmonth") for each in examples)


def test_what_splits_share_nearly_and_word_for_word_is_counted() -> None:
    corpus = {
        "a": "The tenant pays the rent on the first day of the month.",
        "a2": "the tenant pays the rent on the first day of a month",
        "b": "租客应当在每月一日支付租金。",
        "c": "else",
    }
    train = Pairs({"1": "Who pays the rent of the flat?", "2": "谁来支付房屋的租金呢"}, {"1": {"a": 1}, "2": {"b": 1}})
    test = Pairs(
        {"1": "who  pays the rent of the FLAT?", "2": "谁来支付房屋的租金呢？", "3": "another thing"},
        {"1": {"a2": 1}, "2": {"b": 1}, "3": {"c": 1}},
    )
    (found,) = overlaps_of({"train": (train, corpus), "test": (test, corpus)})
    assert (found.splits, found.queries) == (("train", "test"), 3)
    assert (found.same_query, found.near_query, found.same_positive, found.near_positive) == (1, 1, 1, 1)
    assert found.examples == ("谁来支付房屋的租金呢？",)
    (exact,) = overlaps_of({"train": (train, corpus), "test": (test, corpus)}, near=False)
    assert (exact.same_query, exact.near_query, exact.compared) == (1, 0, 0)


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    path = tmp_path / "lines.jsonl"
    rows = [
        {
            "query": f"问题{n}" if n % 2 else f"question {n}",
            "pos": [f"答案{n}", f"answer {n}"],
            "neg": [f"wrong {n}"],
            "group": f"g{n % 9}",
            "time": f"2024-05-{n % 28 + 1:02}",
            "weight": 2,
        }
        for n in range(60)
    ]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def test_a_split_is_a_folder_that_keeps_what_is_stated_and_is_read_again(lines: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = adapt("data", "split", lines, "-o", out, "--dev", "0.2", "--test", "0.1", "--by", "group", "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report == json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert report["written"] == {"queries": 41, "dev queries": 13, "test queries": 6, "pairs": 120, "negatives": 60, "passages": 180}
    test = [json.loads(line) for line in (out / "test.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len({line["group"] for line in test}) == 1
    assert all(line["weight"] == 2 and line["time"].startswith("2024-05") and len(line["neg"]) == 1 for line in test)
    assert len((out / "corpus.jsonl").read_text(encoding="utf-8").splitlines()) == 180
    assert adapt("data", "split", out, "-o", tmp_path / "again").exit_code == 1
    again = adapt("data", "split", out, "-o", tmp_path / "again", "--resplit")
    assert "has a test split of its own, which was not read" in again.stdout
    assert "queries 41 -> 44" in again.stdout


def test_training_never_opens_the_test_split_and_the_bench_scores_on_it(lines: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    adapt("data", "split", lines, "-o", out)
    task = task_from_folder(out, split="test", language="zh")
    parts = data_of(task)
    assert (len(parts["queries"]), len(parts["corpus"])) == (6, 180)  # passages of all splits are searched
    assert len(data_of(task_from_folder(out, split="dev", language="zh"))["queries"]) == 6
    (out / "test.jsonl").write_text("{broken\n", encoding="utf-8")
    data = load_training_data(str(out), domain=load_domain("legal"), lang="zh", seed=0)
    assert (len(data.train), len(data.dev or ())) == (48, 6)
    with pytest.raises(DataError, match=r"test\.jsonl.*1"):
        task_from_folder(out, split="test", language="zh")
    (out / "test.jsonl").unlink()
    with pytest.raises(DataError, match=r"test\.jsonl does not exist; splits here: train, dev"):
        task_from_folder(out, split="test", language="zh")


def test_lines_without_a_corpus_are_a_task_of_their_own_pool(lines: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    adapt("data", "split", lines, "-o", out)
    (out / "corpus.jsonl").unlink()
    task = task_from_folder(out, split="test", language="zh")
    assert (task.metadata.type, len(data_of(task)["queries"]), len(data_of(task)["corpus"])) == ("Reranking", 6, 18)


def test_the_test_split_beside_data_is_found_in_folders_alone(lines: Path, toy_folder: Path, tmp_path: Path) -> None:
    assert has_test_split(toy_folder)
    assert not has_test_split(lines)
    assert not has_test_split([("q", "p")])
    pairs, corpus = read_test_split(toy_folder) or (Pairs({}, {}), {})
    assert (len(pairs), len(corpus)) == (16, 32)
    assert read_test_split(tmp_path) is None
    adapt("data", "split", lines, "-o", tmp_path / "out")
    both, passages = read_test_split([str(toy_folder), str(tmp_path / "out"), str(lines)]) or (Pairs({}, {}), {})
    assert (len(both), len(passages)) == (16 + 6, 32 + 180)


def test_a_table_is_divided_by_a_column_that_is_named(tmp_path: Path) -> None:
    table = tmp_path / "病历.csv"
    rows = "".join(f"第{n}个问题,第{n}个答案,病人{n % 10}\n" for n in range(100))
    table.write_bytes(("问题,答案,病人\n" + rows).encode("gb18030"))
    out = tmp_path / "out"
    result = adapt("data", "split", table, "-o", out, "--by", "group", "--columns", "query=问题,positive=答案,group=病人")
    assert result.exit_code == 0, result.output
    groups = [
        {json.loads(line)["group"] for line in (out / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()}
        for name in ("train", "dev", "test")
    ]
    assert [len(each) for each in groups] == [8, 1, 1]
    assert len(set.union(*groups)) == 10


def test_the_tools_are_names_of_their_package() -> None:
    code = (
        "import sys; from adapt_embed.datatools import SplitSettings; assert not {'torch', 'numpy'} & set(sys.modules); "
        "from adapt_embed.datatools import split, stats, compare_bases; print(split.__name__, stats.__name__, compare_bases.__name__)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split() == [
        "split",
        "stats",
        "compare_bases",
    ]


def test_a_split_into_a_file_is_refused_in_a_line(lines: Path, tmp_path: Path) -> None:
    result = adapt("data", "split", lines, "-o", tmp_path / "x.jsonl")
    assert (result.exit_code, len(result.stderr.strip().splitlines())) == (1, 1)
    assert "a split is a folder" in result.stderr
