"""What rows state of their pairs (weights, scores, groups, times): read, joined, written and read again."""

import json
from pathlib import Path

import pytest
from adapt_embed.data.beir import BeirFolder
from adapt_embed.data.domains import name_domain
from adapt_embed.data.gather import TextRow, pool_rows
from adapt_embed.data.in_memory import read_in_memory
from adapt_embed.data.joining import join_data
from adapt_embed.data.lines_folder import LinesFolder
from adapt_embed.data.pairs import Pairs, TrainingData
from adapt_embed.data.sources import check_source, read_data
from adapt_embed.data.write.beir import write_beir
from adapt_embed.data.write.folder import write_folder
from adapt_embed.data.write.lines import write_lines
from adapt_embed.datatools.splitting.units import by_group
from adapt_embed.errors import ConfigError, DataError

OWN, _ = name_domain("own", has_data=True)
LINES = [
    {
        "query": "谁付租金？",
        "pos": ["租户付租金。"],
        "neg": ["房东修屋顶。"],
        "weight": 2.5,
        "pos_scores": [0.9],
        "neg_scores": [-3],
        "group": "lease",
        "time": "2026-01-02",
    },
    {"query": "who mends the roof?", "pos": ["The landlord does.", "The landlord."], "neg": []},
]


def write(path: Path, lines: list[dict]) -> Path:
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    return path


def read(path: Path) -> TrainingData:
    return read_data(str(path), domain=OWN, lang="en")


def rows(pairs: Pairs, corpus: dict[str, str]) -> set:
    return {
        (query, corpus[pid], pairs.weights.get(qid, {}).get(pid, 1.0), pairs.scores.get(qid, {}).get(pid), pairs.times.get(qid))
        for qid, query in pairs.queries.items()
        for pid in pairs.positives[qid]
    }


def test_lines_are_read_with_all_that_they_state(tmp_path: Path) -> None:
    data = read(write(tmp_path / "lines.jsonl", LINES))
    (query, other), (positive, negative, *_) = data.train.queries, data.corpus
    assert data.train.weights == {query: {positive: 2.5}}
    assert data.train.scores == {query: {positive: 0.9, negative: -3.0}}
    assert data.train.groups == {query: "lease"}
    assert data.train.times == {query: "2026-01-02"}
    assert data.train.select([other]).groups == {}
    assert data.train.select([query]) == Pairs(
        {query: "谁付租金？"},
        {query: {positive: 1}},
        {query: [negative]},
        data.train.weights,
        data.train.scores,
        data.train.groups,
        data.train.times,
    )
    assert not [note for note in data.notes if "not used" in note]


def test_a_table_states_the_same(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("anchor,positive,Weight,group,time,pos_scores\na,p,3,g1,2026-01-02,[0.5]\nb,q,,,,\n", encoding="utf-8")
    pairs = read(path).train
    assert (pairs.weights, pairs.groups, pairs.times, pairs.scores) == (
        {"q0": {"p0": 3.0}},
        {"q0": "g1"},
        {"q0": "2026-01-02"},
        {"q0": {"p0": 0.5}},
    )


def test_a_table_states_it_in_chinese(tmp_path: Path) -> None:
    path = tmp_path / "表.csv"
    path.write_text("问题,答案,权重,分组,时间\n谁付租金？,租户。,3,甲,2026-01-02\n", encoding="utf-8")
    pairs = read(path).train
    assert (pairs.weights, pairs.groups, pairs.times) == ({"q0": {"p0": 3.0}}, {"q0": "甲"}, {"q0": "2026-01-02"})


def test_pairs_in_memory_state_the_same() -> None:
    data = read_in_memory([{"query": "a", "positive": "p", "weight": 2, "group": 7}])
    assert (data.train.weights, data.train.groups) == ({"q0": {"p0": 2.0}}, {"q0": "7"})


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({"weight": -1}, "expected a weight of 0 or more under 'weight', found -1"),
        ({"weight": "3 kg"}, "expected a weight of 0 or more under 'weight', found '3 kg'"),
        ({"weight": True}, "expected a weight of 0 or more"),
        ({"pos_scores": [1, 2]}, "2 pos_scores for 1 texts; expected one for each, or none"),
        ({"pos_scores": ["x"]}, "expected a list of numbers under 'pos_scores'"),
        ({"neg_scores": 3}, "expected a list of numbers under 'neg_scores'"),
        ({"group": ["a"]}, "expected a text under 'group', found a list"),
        ({"weight": 1, "Weight": 2}, "both state the weight"),
    ],
)
def test_what_is_not_of_its_kind_is_named_with_its_line(tmp_path: Path, stated: dict, message: str) -> None:
    path = write(tmp_path / "lines.jsonl", [{"query": "a", "pos": ["p"], "neg": []} | stated])
    with pytest.raises(DataError, match="line 1") as error:
        read(path)
    assert message in str(error.value)


def test_a_row_of_weight_2_is_that_row_twice() -> None:
    once = [TextRow("1", "a", ("p",), weight=2.0), TextRow("2", "b", ("q",), weight=1.0)]
    twice = [TextRow("1", "a", ("p",), weight=1.0), TextRow("2", "b", ("q",)), TextRow("3", "a", ("p",), weight=1.0)]
    assert pool_rows(once, "x") == pool_rows(twice, "x")
    assert pool_rows(once, "x")[1].weights == {"q0": {"p0": 2.0}}


def test_without_weights_a_repeated_row_counts_once() -> None:
    assert pool_rows([TextRow("1", "a", ("p",)), TextRow("2", "a", ("p",))], "x")[1].weights == {}


def test_weights_are_relative_to_their_mean() -> None:
    pairs = Pairs({"a": "a", "b": "b"}, {"a": {"p": 1, "q": 1}, "b": {"p": 1}}, weights={"a": {"p": 5.0}})
    assert pairs.relative_weights() == {"a": {"p": 2.5, "q": 0.5}, "b": {"p": 0.5}}
    assert Pairs({"a": "a"}, {"a": {"p": 1}}).relative_weights() == {}
    with pytest.raises(DataError, match="all pairs are 0"):
        Pairs({"a": "a"}, {"a": {"p": 1}}, weights={"a": {"p": 0.0}}).relative_weights()


def test_the_fingerprint_knows_weights_and_scores_and_stays_where_there_are_none(tmp_path: Path) -> None:
    plain = read(write(tmp_path / "plain.jsonl", [{"query": "a", "pos": ["p"], "neg": []}]))
    heavy = read(write(tmp_path / "heavy.jsonl", [{"query": "a", "pos": ["p"], "neg": [], "weight": 2}]))
    scored = read(write(tmp_path / "scored.jsonl", [{"query": "a", "pos": ["p"], "neg": [], "pos_scores": [2]}]))
    assert len({data.fingerprint() for data in (plain, heavy, scored)}) == 3


def test_lines_that_are_written_are_read_again(tmp_path: Path) -> None:
    data = read(write(tmp_path / "lines.jsonl", LINES))
    write_lines(tmp_path / "again.jsonl", data.train, data.corpus)
    again = read(tmp_path / "again.jsonl")
    assert again.fingerprint() == data.fingerprint()
    assert rows(again.train, again.corpus) == rows(data.train, data.corpus)


def test_a_text_without_a_score_keeps_those_of_the_others(tmp_path: Path) -> None:
    lines = [{"query": "a", "pos": ["p"], "neg": ["n", "m"], "pos_scores": [None], "neg_scores": [0.25, None]}]
    data = read(write(tmp_path / "lines.jsonl", lines))
    assert data.train.scores == {"q0": {"p1": 0.25}}
    write_lines(tmp_path / "again.jsonl", data.train, data.corpus)
    written = json.loads((tmp_path / "again.jsonl").read_text(encoding="utf-8"))
    assert (written["neg_scores"], "pos_scores" in written) == ([0.25, None], False)
    assert read(tmp_path / "again.jsonl").train == data.train


def test_half_a_character_leaves_the_other_lines_readable(tmp_path: Path) -> None:
    lines = [{"query": "caf\u00e9 谁付租金？", "pos": ["租户付租金。"], "neg": []}, {"query": "half \ud83d", "pos": ["b"], "neg": []}]
    write_lines(tmp_path / "lines.jsonl", *reversed(pool_rows([TextRow("", row["query"], tuple(row["pos"])) for row in lines], "x")))
    assert "谁付租金" in (tmp_path / "lines.jsonl").read_text(encoding="utf-8")
    again = read(tmp_path / "lines.jsonl")
    assert list(again.train.queries.values()) == [row["query"] for row in lines]
    assert again.notes == ()


def test_groups_that_share_a_query_are_one_and_its_latest_time_counts(tmp_path: Path) -> None:
    lines = [
        {"query": query, "pos": [f"answer {n}"], "neg": [], "group": group, "time": time}
        for n, (query, group, time) in enumerate(
            [
                ("same", "B", "2026-01-02"),
                ("of b", "B", "2026-01-01"),
                ("same", "A", "2026/1/10"),
                ("of a", "A", "2026-01-01"),
                ("c", "C", "x"),
            ]
        )
    ]
    data = read(write(tmp_path / "lines.jsonl", lines))
    assert data.train.groups == {"q0": "A", "q1": "A", "q2": "A", "q3": "C"}
    assert data.train.times["q0"] == "2026/1/10"
    assert sorted(map(len, by_group(data.train, data.corpus))) == [1, 3]
    for what, done in (("group", "these groups are joined"), ("time", "the latest counts")):
        assert f"{tmp_path / 'lines.jsonl'}: 1 query stated more than one {what}; {done}" in data.notes


def test_groups_of_a_query_of_two_sources_are_one(tmp_path: Path) -> None:
    first, second = (
        write(tmp_path / f"{name}.jsonl", [{"query": query, "pos": [name], "neg": [], "group": name} for query in ("same", f"of {name}")])
        for name in "ab"
    )
    data = read_data([str(first), str(second)], domain=OWN, lang="en")
    assert set(data.train.groups.values()) == {"a"}
    assert any("1 query stated more than one group" in note for note in data.notes)


def test_positives_of_different_weights_stand_on_lines_of_their_own(tmp_path: Path) -> None:
    pairs = Pairs({"a": "a"}, {"a": {"p": 1, "q": 1}}, {"a": ["r"]}, weights={"a": {"p": 4.0}})
    corpus = {"p": "P", "q": "Q", "r": "R"}
    write_lines(tmp_path / "lines.jsonl", pairs, corpus)
    lines = [json.loads(line) for line in (tmp_path / "lines.jsonl").read_text(encoding="utf-8").splitlines()]
    assert lines == [
        {"query": "a", "pos": ["P"], "neg": ["R"], "weight": 4.0},
        {"query": "a", "pos": ["Q"], "neg": [], "weight": 1.0},
    ]
    again = read(tmp_path / "lines.jsonl")
    assert rows(again.train, again.corpus) == rows(pairs, corpus)


def test_sources_that_are_joined_keep_what_is_stated(tmp_path: Path) -> None:
    data = read(write(tmp_path / "lines.jsonl", LINES))
    joined = join_data([data, data])
    assert joined.train.weights == {"0/q0": {"0/p0": 2.5}, "1/q0": {"1/p0": 2.5}}
    assert joined.train.groups == {"0/q0": "lease", "1/q0": "lease"}


@pytest.fixture
def whole(tmp_path: Path) -> TrainingData:
    data = read(write(tmp_path / "lines.jsonl", LINES))
    corpus = data.corpus | {"unnamed": "没有人问的段落。"}
    return TrainingData(corpus=corpus, train=data.train, dev=data.train.select(["q1"]), source="x")


def test_a_folder_of_pair_lines_keeps_splits_and_corpus_and_a_test_split_is_not_opened(tmp_path: Path, whole: TrainingData) -> None:
    write_folder(tmp_path / "folder", whole, test=whole.train.select(["q0"]))
    check_source(tmp_path / "folder")
    (tmp_path / "folder" / "test.jsonl").write_text("not JSON", encoding="utf-8")
    again = read(tmp_path / "folder")
    assert again.corpus == whole.corpus
    assert again.fingerprint() == whole.fingerprint()
    assert LinesFolder(tmp_path / "folder").splits == ["train", "dev", "test"]


def test_a_folder_is_never_written_over(tmp_path: Path, whole: TrainingData) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine.txt").write_text("mine")
    with pytest.raises(ConfigError, match="exists already"):
        write_folder(tmp_path / "folder", whole)
    with pytest.raises(ConfigError, match="does not exist; make it first"):
        write_folder(tmp_path / "none" / "folder", whole)
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["mine.txt"]


def test_a_beir_folder_says_what_it_drops(tmp_path: Path, whole: TrainingData) -> None:
    assert whole.dev is not None
    notes = write_beir(tmp_path / "beir", whole.corpus, {"train": whole.train, "dev": whole.dev})
    assert [note.split("; ")[0] for note in notes] == [
        f"train: a BEIR folder has no place for {what}" for what in ("hard negatives", "weights", "teacher scores", "groups", "times")
    ]
    read_again = BeirFolder(tmp_path / "beir").load("train", "dev")
    assert read_again.corpus == whole.corpus
    assert sorted(read_again.pairs["train"].queries.values()) == sorted(whole.train.queries.values())
    assert list(read_again.pairs["dev"].queries) == ["dev-q1"]
