"""What data hold: counts, lengths, broken words, clusters, how hard a base finds the answers, and weights that balance clusters."""

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from adapt_embed.base.resolve import BaseOptions, resolve_base
from adapt_embed.cli import main
from adapt_embed.data.domains import load_domain
from adapt_embed.data.pairs import Pairs, TrainingData
from adapt_embed.data.sources import load_training_data
from adapt_embed.datatools.statistics.balance import MOST, balance, balance_weights
from adapt_embed.datatools.statistics.clusters import cluster_vectors, describe_clusters
from adapt_embed.datatools.statistics.counts import count_duplicates, count_split, count_unnamed
from adapt_embed.datatools.statistics.coverage import cluster_corpus
from adapt_embed.datatools.statistics.difficulty import describe_ranks
from adapt_embed.datatools.statistics.lengths import measure_lengths
from adapt_embed.datatools.statistics.pieces import find_broken_words
from adapt_embed.datatools.statistics.settings import StatsSettings
from adapt_embed.datatools.statistics.tokens import BaseTokens, open_tokens
from adapt_embed.errors import ConfigError
from adapt_embed.index.vectors import in_memory
from click.testing import CliRunner, Result


def adapt_stats(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["data", "stats", *map(str, arguments)])


@pytest.fixture(scope="module")
def tokens(tiny_base: Path) -> BaseTokens:
    return open_tokens(resolve_base(str(tiny_base)), max_tokens=8)


PAIRS = Pairs(
    {"1": "who pays", "2": "谁付钱", "3": "WHO  pays"},
    {"1": {"a": 1}, "2": {"a": 2, "b": 1, "c": 1}, "3": {"b": 1}},
    {"1": ["c", "d"]},
    groups={"1": "x"},
    times={"2": "2024-01-01"},
    weights={"1": {"a": 2.0}},
)


def test_a_split_is_counted_with_its_grades_and_positives() -> None:
    found = count_split(PAIRS)
    assert (found.queries, found.pairs, found.negatives, found.passages) == (3, 5, 2, 4)
    assert found.positives_per_query == {"1": 2, "2": 0, "3-5": 1, "6-10": 0, "11+": 0}
    assert found.grades == {1: 4, 2: 1}
    assert (found.weighted, found.scored, found.grouped, found.dated) == (1, 0, 1, 1)
    assert count_unnamed({"train": PAIRS}, dict.fromkeys("abcdef", "x")) == 2


def test_texts_that_come_again_are_counted_without_case_and_space() -> None:
    found = count_duplicates(["who pays", "谁付钱", "WHO  pays", "who pays", "other"])
    assert (found.texts, found.copies, found.examples) == (5, 2, ("who pays",))


def test_lengths_are_those_of_the_base_with_what_it_adds_and_uncut(tokens: BaseTokens) -> None:
    texts = ["river " * 20, "river", "租金"]
    found = measure_lengths(texts, tokens, "document")
    whole = [len(tokens.backend.encode(text).ids) for text in texts]
    assert (found.texts, found.longest, found.max_tokens) == (3, max(whole), 8)
    assert found.longest >= 22
    assert found.cut == sum(length > 8 for length in whole)
    assert found.lost == pytest.approx(sum(max(0, length - 8) for length in whole) / sum(whole))
    assert found.examples[0].startswith("river river")
    assert measure_lengths(["river"], tokens, "query").longest > measure_lengths(["river"], tokens, "document").longest  # the instruction


def test_words_that_fall_into_most_pieces_come_first_by_their_number(tokens: BaseTokens) -> None:
    texts = ["the river zzyzxq zzyzxq Zzyzxq", "the river qxqxqxqxqxqx don't 1234567", "租金由租户支付，租金"]
    found = find_broken_words(texts, tokens, 0)
    pieces = {word: tokens.pieces([word])[0] for word in ("zzyzxq", "qxqxqxqxqxqx", "river", "租金")}
    assert pieces["river"] == ("river",)
    listed = {each.word: each for each in found.broken}
    expected = [word for word in ("zzyzxq", "qxqxqxqxqxqx") if len(pieces[word]) > 1]
    for word in expected:
        assert (listed[word].pieces, listed[word].count) == (pieces[word], 3 if word == "zzyzxq" else 1)  # case is folded
    costs = [each.count * (len(each.pieces) - 1) for each in found.broken]
    assert costs == sorted(costs, reverse=True)
    assert not {"river", "don't", "1234567"} & listed.keys()
    assert "adding tokens is not offered" in found.as_dict()["adding_tokens"]
    assert found.pieces_per_character is not None


def test_chinese_words_and_unknown_pieces_are_listed_by_themselves(shared: Path) -> None:
    options = BaseOptions(pooling="cls")
    zh, en = (
        open_tokens(resolve_base(str(shared / "bases" / name), options=options), 256)
        for name in ("bge-small-zh-v1.5-int8", "bge-small-en-v1.5")
    )
    texts = ["劳动合同应当采用书面形式。", "用人单位解除劳动合同", "the metformin dosage"]
    chinese = find_broken_words(texts, zh, 0)
    assert {"劳动", "合同"} <= {each.word for each in chinese.chinese} or "劳动合同" in {each.word for each in chinese.chinese}
    assert all(len(each.pieces) == len(each.word) for each in chinese.chinese)  # a tokenizer of characters
    assert chinese.pieces_per_character == 1
    assert "metformin" in {each.word for each in find_broken_words(texts, en, 0).broken}
    rare = find_broken_words(["𠮷野家"], en, 0)
    assert rare.unknown_share > 0
    assert "[UNK]" in rare.unknown[0].pieces


def blobs(sizes: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Unit vectors around so many far directions."""
    drawn = np.random.default_rng(seed)
    rows = [np.eye(8)[number] + 0.02 * drawn.normal(size=(size, 8)) for number, size in enumerate(sizes)]
    vectors = np.concatenate(rows).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_clusters_are_those_of_the_vectors_the_largest_first_and_the_same_for_a_seed() -> None:
    vectors = blobs((20, 60, 40))
    found = cluster_vectors(vectors, 3, 0)
    assert found.sizes.tolist() == [60, 40, 20]
    assert [set(found.labels[start:end]) for start, end in ((0, 20), (20, 80), (80, 120))] == [{2}, {0}, {1}]
    again = cluster_vectors(vectors, 3, 0)
    assert np.array_equal(found.labels, again.labels)
    assert np.array_equal(found.centres, again.centres)


def test_there_are_no_more_clusters_than_different_vectors() -> None:
    assert cluster_vectors(np.repeat(blobs((1, 1)), 10, axis=0), 5, 0).sizes.tolist() == [10, 10]
    assert cluster_vectors(blobs((1,)), None, 0).sizes.tolist() == [1]
    assert 2 <= len(cluster_vectors(blobs((100, 100)), None, 0).centres) <= 40


def test_a_cluster_is_told_by_its_words_its_examples_and_what_is_found() -> None:
    vectors = blobs((4, 2))
    texts = ["租金 rent a", "租金 rent b", "租金 rent c", "租金 rent d", "court e", "court f"]
    found = describe_clusters(texts, vectors, cluster_vectors(vectors, 2, 0), found=np.array([True, True, True, False, False, False]))
    assert [(each.texts, each.found, each.named) for each in found] == [(4, 0.75, None), (2, 0.0, None)]
    assert found[0].share == pytest.approx(4 / 6)
    assert {"租金", "rent"} <= set(found[0].words)
    assert found[1].words[0] == "court"
    assert set(found[1].examples) == {"court e", "court f"}


def test_a_part_of_the_corpus_that_no_query_names_is_found() -> None:
    corpus = (
        {f"a{n}": f"rent {n}" for n in range(20)} | {f"b{n}": f"court {n}" for n in range(10)} | {f"c{n}": f"医院 {n}" for n in range(6)}
    )
    train = Pairs({f"q{n}": "q" for n in range(9)}, {f"q{n}": {f"a{n}": 1} for n in range(9)})
    dev = Pairs({"d": "q"}, {"d": {"b3": 1}})
    data = TrainingData(corpus=corpus, train=train, dev=dev, source="these")
    found = cluster_corpus(data, in_memory(torch.from_numpy(blobs((20, 10, 6))), ""), StatsSettings(clusters=3))
    assert [(each.named, each.texts) for each in found] == [(0, 6), (1, 10), (9, 20)]
    assert found[0].words[0] == "医院"


def test_weights_let_clusters_count_alike_within_bounds() -> None:
    labels = np.array([0] * 6 + [1] * 2 + [2] * 4)
    weights = balance_weights(labels)
    assert [weights[labels == label].sum() for label in range(3)] == pytest.approx([4, 4, 4])
    extreme = balance_weights(np.array([0] * 1000 + [1]))
    assert (extreme.min(), extreme.max()) == (0.5005, MOST)


def test_balance_multiplies_the_weights_that_are_there() -> None:
    corpus = dict.fromkeys("abcd", "text")
    data = TrainingData(corpus=corpus, train=PAIRS, dev=None, source="these")
    made = balance(data, ["1", "2", "3"], np.array([0, 0, 1])).train
    assert made.weights == {"1": {"a": 1.5}, "2": {"a": 0.75, "b": 0.75, "c": 0.75}, "3": {"b": 1.5}}
    assert (made.queries, made.groups, made.negatives) == (PAIRS.queries, PAIRS.groups, PAIRS.negatives)


def test_difficulty_is_the_share_of_ranks_and_names_the_worst() -> None:
    found = describe_ranks(np.array([1, 11, 250]), ["1", "2", "3"], PAIRS, {"a": "甲", "b": "乙", "c": "丙"}, of=9)
    assert found.recall == {1: 1 / 3, 10: 1 / 3, 100: 2 / 3}
    assert found.hardest == (("WHO pays", 250, "乙"), ("谁付钱", 11, "甲"))
    assert (found.queries, found.of) == (3, 9)


@pytest.fixture
def unasked(toy_folder: Path, tmp_path: Path) -> Path:
    """The toy data with passages of another kind, which nothing names."""
    folder = Path(shutil.copytree(toy_folder, tmp_path / "toy"))
    with (folder / "corpus.jsonl").open("a", encoding="utf-8") as file:
        file.writelines(json.dumps({"_id": f"far{n}", "title": "", "text": "!!! ??? !!! " * 5 + str(n)}) + "\n" for n in range(12))
    return folder


def test_stats_say_all_of_a_folder_and_what_the_base_finds_in_it(unasked: Path, tiny_base: Path, home: Path) -> None:
    options = (unasked, "--base", tiny_base, "--dtype", "fp32", "--registry", home)
    result = adapt_stats(*options, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert {name: split["queries"] for name, split in found["splits"].items()} == {"train": 64, "dev": 16, "test": 16}
    assert (found["passages"], found["unnamed"]) == (44, 12)
    assert [each["splits"] for each in found["overlap"]] == [["train", "dev"], ["train", "test"], ["dev", "test"]]
    assert found["overlap"][0]["same_positive"] == 16
    coverage = found["coverage"]
    assert sum(cluster["texts"] for cluster in coverage["query_clusters"]) == 64
    assert sum(cluster["texts"] for cluster in coverage["corpus_clusters"]) == 44
    assert sum(cluster["named"] for cluster in coverage["corpus_clusters"]) == 32
    recall = coverage["difficulty"]["dev"]["recall"]
    assert 0 <= recall["1"] <= recall["10"] <= recall["100"] == 1  # there are 44 passages
    text = adapt_stats(*options).stdout
    for heading in ("never read", "near answer", "clusters of train queries", "the least asked for first", "adding tokens is not offered"):
        assert heading in text


def test_recall_is_that_of_an_exhaustive_search(unasked: Path, tiny_base: Path, home: Path) -> None:
    from adapt_embed.base.load import load_base
    from adapt_embed.encoders.lora import LoraEncoder

    found = json.loads(adapt_stats(unasked, "--base", tiny_base, "--dtype", "fp32", "--registry", home, "--json").stdout)
    data = load_training_data(str(unasked), domain=load_domain("legal"), lang="en", seed=0)
    assert data.dev is not None
    encoder = LoraEncoder(load_base(resolve_base(str(tiny_base))), precision="fp32", max_tokens=256)
    queries = encoder.encode(list(data.dev.queries.values()), "query").vectors
    passages = encoder.encode(list(data.corpus.values()), "document").vectors
    ids = list(data.corpus)
    order = [[ids[row] for row in np.argsort(-scores)] for scores in queries @ passages.T]
    hits = [any(pid in ranked[:10] for pid in data.dev.positives[qid]) for qid, ranked in zip(data.dev.queries, order, strict=True)]
    assert found["coverage"]["difficulty"]["dev"]["recall"]["10"] == pytest.approx(np.mean(hits))


def test_without_vectors_no_network_runs(toy_folder: Path, tiny_base: Path, home: Path, encoded: list[str]) -> None:
    result = adapt_stats(toy_folder, "--base", tiny_base, "--no-vectors", "--registry", home, "--json")
    found = json.loads(result.stdout)
    assert encoded == []
    assert found["coverage"] is None
    assert any("--no-vectors" in note for note in found["notes"])
    assert found["lengths"]["queries"]["texts"] == 80  # train and dev


def test_the_test_split_is_compared_and_used_for_nothing_else(unasked: Path, tiny_base: Path, home: Path) -> None:
    def measured() -> dict:
        return json.loads(adapt_stats(unasked, "--base", tiny_base, "--no-vectors", "--registry", home, "--json").stdout)

    before = measured()
    queries = unasked / "queries.jsonl"
    rows = [json.loads(line) for line in queries.read_text(encoding="utf-8").splitlines()]
    texts = {row["_id"]: row["text"] for row in rows}
    changed = [row | {"text": texts[row["_id"][:-1] + "0"]} if row["_id"].endswith("-5") else row for row in rows]  # the test queries
    queries.write_text("".join(json.dumps(row) + "\n" for row in changed), encoding="utf-8")
    after = measured()
    assert [each["same_query"] for each in before["overlap"]] == [0, 0, 0]
    assert [each["same_query"] for each in after["overlap"]] == [0, 16, 0]
    assert {name: value for name, value in before.items() if name != "overlap"} == {
        name: value for name, value in after.items() if name != "overlap"
    }


def test_balanced_data_are_written_with_weights_that_training_reads(toy_folder: Path, tiny_base: Path, home: Path, tmp_path: Path) -> None:
    out = tmp_path / "balanced"
    result = adapt_stats(toy_folder, "--base", tiny_base, "--dtype", "fp32", "--registry", home, "--balance", out, "--clusters", 4)
    assert result.exit_code == 0, result.output
    assert "count as nearly alike" in result.stderr
    data = load_training_data(str(out), domain=load_domain("legal"), lang="en", seed=0)
    by_weight = Counter(next(iter(data.train.weights.get(qid, {"": 1.0}).values())) for qid in data.train.queries)
    assert len(by_weight) > 1
    assert all(1 / MOST <= weight <= MOST for weight in by_weight)
    assert json.loads((out / "report.json").read_text(encoding="utf-8"))["tool"] == "stats"
    assert len(data.dev or ()) == 16


@pytest.mark.parametrize(
    ("more", "message", "code"),
    [
        (("--no-vectors", "--balance", "x.jsonl"), "--balance weighs clusters of vectors, and --no-vectors computes none", 2),
        (("--no-vectors", "--clusters", "3"), "--clusters says how vectors are clustered, and --no-vectors computes none", 2),
        (("--most-queries", "10", "--balance", "x.jsonl"), "raise --most-queries to all of them", 1),
    ],
)
def test_words_that_contradict_one_another_are_refused_in_a_line(
    toy_folder: Path,
    tiny_base: Path,
    home: Path,
    more: tuple[str, ...],
    message: str,
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    result = adapt_stats(toy_folder, "--base", tiny_base, "--registry", home, *more)
    assert result.exit_code == code
    assert message in result.stderr.splitlines()[-1]
    assert not (tmp_path / "x.jsonl").exists()


def test_very_few_data_are_measured_too(tiny_base: Path, home: Path, tmp_path: Path) -> None:
    lines = tmp_path / "one.jsonl"
    lines.write_text(json.dumps({"query": "谁付租金？", "pos": ["租户。"]}, ensure_ascii=False) + "\n", encoding="utf-8")
    result = adapt_stats(lines, "--base", tiny_base, "--registry", home, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["overlap"] == []
    assert found["coverage"]["difficulty"] == {"train": {"queries": 1, "of": 1, "recall": {"1": 1.0, "10": 1.0, "100": 1.0}, "hardest": []}}
    assert any("no dev split" in note for note in found["notes"])
    assert "谁付租金" in adapt_stats(lines, "--base", tiny_base, "--registry", home).stdout


def test_of_many_queries_and_passages_some_are_drawn_and_said(
    toy_folder: Path, tiny_base: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from adapt_embed.datatools.statistics import coverage, measure

    for module in (coverage, measure):
        monkeypatch.setattr(module, "MOST_PASSAGES", 20)
    found = json.loads(adapt_stats(toy_folder, "--base", tiny_base, "--registry", home, "--most-queries", 30, "--json").stdout)
    assert sum(cluster["texts"] for cluster in found["coverage"]["query_clusters"]) == 30
    assert sum(cluster["texts"] for cluster in found["coverage"]["corpus_clusters"]) == 20
    assert found["coverage"]["difficulty"]["train"]["of"] == 64
    assert found["notes"] == [
        "30 of 64 train queries were drawn to be embedded (seed 0)",
        "20 of 32 passages were drawn to be clustered (seed 0)",
    ]


def test_settings_are_checked() -> None:
    with pytest.raises(ConfigError, match="the number of clusters is 1"):
        StatsSettings(clusters=1)
    assert replace(StatsSettings(), seed=3).seed == 3
