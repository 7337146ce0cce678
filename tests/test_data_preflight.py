"""What will go wrong in training is told before it starts."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from adapt_embed.data.pairs import Pairs, TrainingData
from adapt_embed.data.preflight import COUNTED_TEXTS, PreflightWarning, cjk_share, preflight


def data(count: int = 120, query: str = "what is thing", passage: str = "the thing is") -> TrainingData:
    pairs = Pairs({f"q{n}": f"{query} {n}" for n in range(count)}, {f"q{n}": {f"p{n}": 1} for n in range(count)})
    return TrainingData(corpus={f"p{n}": f"{passage} {n}" for n in range(count)}, train=pairs, dev=None, source="s")


def warn(given: TrainingData, **options: object) -> dict[str, str]:
    settings: dict[str, object] = {"batch_size": 32, "base_language": "en", "query_prompt_known": True}
    return {warning.code: str(warning) for warning in preflight(given, **(settings | options))}  # type: ignore[arg-type]


def test_sound_data_give_no_warning() -> None:
    assert warn(data(), count_truncated=lambda texts: 0) == {}


@pytest.mark.parametrize(("count", "codes"), [(99, ["few-pairs"]), (100, [])])
def test_under_100_pairs_are_few(count: int, codes: list[str]) -> None:
    assert list(warn(data(count))) == codes


def test_few_pairs_says_what_to_do() -> None:
    assert "only 40 pairs" in warn(data(40))["few-pairs"]
    assert "use at least 100" in warn(data(40))["few-pairs"]


@pytest.mark.parametrize(("size", "codes"), [(7, ["batch-too-small"]), (8, []), (120, []), (121, ["batch-too-large"])])
def test_a_batch_that_is_too_small_or_larger_than_the_data_is_told(size: int, codes: list[str]) -> None:
    assert list(warn(data(), batch_size=size)) == codes


def test_the_batch_warnings_say_what_to_set() -> None:
    assert "lower batch_size to 30" in warn(data(), batch_size=500)["batch-too-large"]
    assert "at most 3 answers of other queries" in warn(data(), batch_size=4)["batch-too-small"]


@pytest.mark.parametrize(("copies", "codes"), [(6, []), (7, ["duplicate-queries"])])
def test_more_than_a_twentieth_of_repeated_queries_is_told(copies: int, codes: list[str]) -> None:
    given = data()
    for n in range(1, copies + 1):
        given.train.queries[f"q{n}"] = "WHAT is  thing 0"
    assert list(warn(given)) == codes


def test_repeated_passages_are_told_and_one_passage_of_many_queries_is_not() -> None:
    shared = data()
    for n in range(60):
        shared.train.positives[f"q{n}"] = {"p0": 1}
    assert warn(shared) == {}
    for n in range(1, 60):
        shared.train.positives[f"q{n}"] = {f"p{n}": 1}
        shared.corpus[f"p{n}"] = "The thing  is 0"
    assert list(warn(shared)) == ["duplicate-passages"]
    assert warn(shared)["duplicate-passages"].startswith("49% of the passages")


def test_dev_queries_that_are_trained_on_are_counted() -> None:
    given = data()
    given.corpus.update(new="a passage of dev alone", newer="another of them")
    clean = replace(given, dev=Pairs({"d": "another"}, {"d": {"new": 1}}))
    mixed = replace(given, dev=Pairs({"d": "another", "e": " WHAT is thing 5"}, {"d": {"new": 1}, "e": {"newer": 1}}))
    assert warn(clean) == {}
    assert warn(mixed)["train-in-dev"].startswith("1 of 2 dev queries are trained on")


@pytest.mark.parametrize(("known", "codes"), [(1, []), (2, ["known-answers"])])
def test_dev_queries_whose_answers_are_trained_on_are_counted(known: int, codes: list[str]) -> None:
    given = data()
    given.corpus.update({f"new{n}": f"a passage of dev alone, {n}" for n in range(4)}, copy="The thing  IS 7")
    answers = ["copy", "p3"][:known] + [f"new{n}" for n in range(4 - known)]
    dev = Pairs({f"d{n}": f"another {n}" for n in range(4)}, {f"d{n}": {pid: 1} for n, pid in enumerate(answers)})
    found = warn(replace(given, dev=dev))
    assert list(found) == codes
    assert all(told.startswith("2 of 4 dev queries are answered by passages that are trained on") for told in found.values())


@pytest.mark.parametrize(("cut", "codes"), [(59, []), (60, ["mostly-truncated"])])
def test_passages_that_are_mostly_cut_are_told(cut: int, codes: list[str]) -> None:
    assert list(warn(data(), count_truncated=lambda texts: cut)) == codes


def test_at_most_500_passages_are_counted_and_the_seed_draws_them() -> None:
    seen: list[Sequence[str]] = []

    def count(texts: Sequence[str]) -> int:
        seen.append(texts)
        return len(texts)

    given = data(2000)
    for seed in (0, 0, 1):
        assert "100% of 500 passages" in warn(given, count_truncated=count, seed=seed)["mostly-truncated"]
    assert len(seen[0]) == len(set(seen[0])) == COUNTED_TEXTS
    assert seen[0] == seen[1] != seen[2]


def test_a_missing_instruction_is_told_with_the_options_that_give_one() -> None:
    message = warn(data(), query_prompt_known=False)["no-instruction"]
    assert "--base-as" in message
    assert "config_sentence_transformers.json" in message


CHINESE = {"query": "合同到期后押金怎么退", "passage": "租赁合同终止后，出租人应当返还押金"}


@pytest.mark.parametrize(
    ("given", "language", "codes"),
    [
        (data(), "en", []),
        (data(), "zh", ["other-language"]),
        (data(), "multilingual", []),
        (data(**CHINESE), "zh", []),
        (data(**CHINESE), "en", ["other-language"]),
        (data(**CHINESE), "multilingual", []),
        (data(query="租房 deposit 押金", passage="押金 deposit 应当返还"), "zh", []),
        (data(query="42", passage="7"), "en", []),
    ],
)
def test_texts_in_another_language_than_the_bases_are_told(given: TrainingData, language: str, codes: list[str]) -> None:
    assert list(warn(given, base_language=language)) == codes


def test_the_language_warning_names_a_base() -> None:
    assert "100% of the texts are Chinese" in warn(data(**CHINESE))["other-language"]
    assert "--base bge-small-zh" in warn(data(**CHINESE))["other-language"]
    assert "--base bge-small-en" in warn(data(), base_language="zh")["other-language"]


def test_the_share_of_chinese_counts_letters_alone() -> None:
    assert cjk_share("押金，100%！") == 1.0
    assert cjk_share("押a") == 0.5
    assert cjk_share("123 !") == 0.0
    assert cjk_share("") == 0.0


def test_warnings_come_in_order_and_print_as_their_message() -> None:
    found = preflight(data(4), batch_size=4, base_language="zh", query_prompt_known=False)
    assert [warning.code for warning in found] == ["few-pairs", "batch-too-small", "no-instruction", "other-language"]
    assert str(PreflightWarning("code", "message")) == "message"
