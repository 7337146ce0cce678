"""Requirements: how they are read, what they are of, what they say of a result, and the exit codes of the command."""

import json
from pathlib import Path

import pytest
import torch
from adapt_embed.bench.judge.gate import check_requirements, describe_failures, find_measured, judge
from adapt_embed.bench.judge.requirement import Requirement, parse_requirement
from adapt_embed.bench.result import BenchedReference, BenchedTask, BenchResult, Score, TaskRole
from adapt_embed.bench.tasks.metric_names import RETRIEVAL_METRICS, find_metric, main_metric, read_metric, shown_metrics
from adapt_embed.cli import main
from adapt_embed.errors import ConfigError
from adapt_embed.lora import LoraModule, write_lora
from click.testing import CliRunner, Result

METRICS = {"law": ("nDCG@10", "R@100"), "tax": ("nDCG@10",), "STSBenchmark (local)": ("Spearman",), "SciFact": ("nDCG@10", "AP@10")}


def task(name: str, role: TaskRole = "domain") -> BenchedTask:
    return BenchedTask(
        name=name, type="Retrieval", split="test", revision="r", items=2, item="queries", role=role, main_metric=METRICS[name][0]
    )


TASKS = (task("law"), task("tax"), task("STSBenchmark (local)", "general"), task("SciFact", "general"))


# Reading


@pytest.mark.parametrize(
    "text, expected",
    [
        ("nDCG@10 >= base + 0.02", ("nDCG@10", ">=", True, 0.02)),
        ("STSBenchmark >= base - 0.01", ("STSBenchmark", ">=", True, -0.01)),
        ("STSBenchmark (local)>=base-1e-2", ("STSBenchmark (local)", ">=", True, -0.01)),
        ("law:R@100 > .9", ("law:R@100", ">", False, 0.9)),
        ("  law  <  base ", ("law", "<", True, 0.0)),
        ("law <= -0.5", ("law", "<=", False, -0.5)),
    ],
)
def test_a_requirement_is_read(text: str, expected: tuple[str, str, bool, float]) -> None:
    requirement = parse_requirement(text)
    assert (requirement.what, requirement.operator, requirement.of_base, requirement.number) == expected


@pytest.mark.parametrize("text", ["", "law", "law => 1", "law == 1", ">= 1", "law >=", "law >= 1 >= 2", "0.5 <= law <= 0.9"])
def test_what_is_no_requirement_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a requirement; expected one such as"):
        parse_requirement(text)


@pytest.mark.parametrize(
    "limit", ["much", "base 0.1", "base + much", "base +", "base + -1", "basement", "nan", "inf", "1 + base", "base * 2"]
)
def test_a_limit_that_is_no_number_is_refused(limit: str) -> None:
    with pytest.raises(ConfigError, match="is neither a number nor base"):
        parse_requirement(f"law >= {limit}")


def measured(text: str) -> tuple[str, tuple[str, ...]]:
    found = find_measured(parse_requirement(text), TASKS, METRICS)
    return found.metric, found.tasks


def test_a_task_alone_stands_for_its_main_metric() -> None:
    assert measured("law > 0") == ("nDCG@10", ("law",))
    assert measured("STSBenchmark (local) > 0") == ("Spearman", ("STSBenchmark (local)",))


def test_a_metric_alone_stands_for_its_mean_over_the_domains_tasks() -> None:
    assert measured("nDCG@10 > 0") == ("nDCG@10", ("law", "tax"))
    assert measured("recall@100 > 0") == ("R@100", ("law",))


def test_a_task_and_a_metric_stand_for_that_one() -> None:
    assert measured("law:R@100 > 0") == ("R@100", ("law",))
    assert measured("SciFact:MAP@10 > 0") == ("AP@10", ("SciFact",))


@pytest.mark.parametrize(
    "text, parts",
    [
        ("nDGC@10 > 0", r"unknown task or metric 'nDGC@10'\. Did you mean nDCG@10"),
        ("STSBenchmark > 0", r"unknown task or metric 'STSBenchmark'\. Did you mean STSBenchmark \(local\)"),
        ("law:R@10 > 0", r"law has no such metric: unknown metric 'R@10'\. Did you mean R@100"),
        ("AP@10 > 0", r"no task of the domain has AP@10; of a general task write SciFact:AP@10"),
    ],
)
def test_what_was_not_scored_is_answered_with_the_nearest(text: str, parts: str) -> None:
    with pytest.raises(ConfigError, match=parts):
        measured(text)


def test_a_base_is_not_held_against_itself() -> None:
    check_requirements([parse_requirement("law > base")], TASKS, METRICS, only_bases=False)
    check_requirements([parse_requirement("law > 0.5")], TASKS, METRICS, only_bases=True)
    with pytest.raises(ConfigError, match="only bases are benched"):
        check_requirements([parse_requirement("law > base")], TASKS, METRICS, only_bases=True)


# Judging


def result_of(base: float, *own: float) -> BenchResult:
    """One task; every reference has its score, and the tax task 0.1 less."""
    names = ["base", *(f"legal@{version}" for version in range(1, len(own) + 1))]
    references = tuple(
        BenchedReference(name=name, base=None if name == "base" else "base", description="", revision=name, precision="fp32", max_tokens=8)
        for name in names
    )
    scores = tuple(
        Score(task=task, reference=name, metrics={"nDCG@10": score - less}, truncated=0, seconds=0.0, item_metric="nDCG@10")
        for name, score in zip(names, (base, *own), strict=True)
        for task, less in (("law", 0.0), ("tax", 0.1))
    )
    return BenchResult(tasks=TASKS[:2], references=references, scores=scores, mteb_version="0")


def holds(text: str, base: float, own: float) -> bool:
    (verdict,) = judge([parse_requirement(text)], result_of(base, own))
    return verdict.holds


@pytest.mark.parametrize(
    "text, expected",
    [
        ("law >= base + 0.1", True),
        ("law > base + 0.1", False),
        ("law <= base + 0.1", True),
        ("law < base + 0.1", False),
        ("law >= base + 0.1001", False),
        ("law >= 0.3", True),
        ("law > 0.3", False),
        ("law < 0.31", True),
    ],
)
def test_a_requirement_holds_or_not_whatever_floats_add_up_to(text: str, expected: bool) -> None:
    assert 0.1 + 0.2 != 0.3
    assert holds(text, 0.2, 0.1 + 0.2) is expected


def test_every_reference_that_is_no_base_is_judged_with_its_figures() -> None:
    verdicts = judge([parse_requirement("law >= base + 0.05")], result_of(0.5, 0.6, 0.52))
    assert [(verdict.reference, verdict.holds) for verdict in verdicts] == [("legal@1", True), ("legal@2", False)]
    assert (verdicts[1].value, verdicts[1].limit) == pytest.approx((0.52, 0.55))
    assert describe_failures(verdicts) == ["not met by legal@2: law >= base + 0.05 (law: nDCG@10 0.5200, limit 0.5500, by -0.0300)"]


def test_a_metric_alone_is_judged_by_its_mean() -> None:
    (verdict,) = judge([parse_requirement("nDCG@10 >= 0.5")], result_of(0.4, 0.54))
    assert (verdict.task, verdict.value, verdict.holds) == ("", pytest.approx(0.49), False)


def test_bases_alone_are_judged_themselves() -> None:
    assert [verdict.reference for verdict in judge([parse_requirement("law >= 0.5")], result_of(0.4))] == ["base"]


def test_a_requirement_is_repeated_with_single_spaces() -> None:
    assert isinstance(parse_requirement(" law   >=  1"), Requirement)
    assert parse_requirement(" law   >=  1").text == "law >= 1"


# Metrics


@pytest.mark.parametrize(
    "name, expected",
    [("nDCG@10", "nDCG@10"), ("ndcg@10", "nDCG@10"), ("MRR@10", "RR@10"), ("map@100", "AP@100"), ("recall@5", "R@5"), ("hits", None)],
)
def test_metrics_have_one_spelling_and_are_found_by_others(name: str, expected: str | None) -> None:
    assert find_metric(name, RETRIEVAL_METRICS) == expected


def test_an_unknown_metric_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"unknown metric 'nDCG@11'\. Did you mean nDCG@1 or nDCG@10 or .* Known: nDCG@1\|3\|5\|10"):
        read_metric("nDCG@11", tuple(RETRIEVAL_METRICS))


def test_the_main_metric_is_mtebs_and_stands_first() -> None:
    assert main_metric(RETRIEVAL_METRICS, "map_at_10") == "AP@10"
    assert main_metric(RETRIEVAL_METRICS, "something_else") == "nDCG@10"
    assert shown_metrics("AP@10", ("nDCG@10", "AP@10"), ()) == ("AP@10", "nDCG@10")
    assert shown_metrics("AP@10", ("nDCG@10",), ("P@1",)) == ("AP@10", "P@1")


# The command


@pytest.fixture
def law(tmp_path: Path) -> Path:
    folder = tmp_path / "law"
    (folder / "qrels").mkdir(parents=True)
    passages = {"p1": "the court and the judge", "p2": "a tenant pays rent", "p3": "notice to the landlord", "p4": "appeal of the law"}
    queries = {"q1": "judge", "q2": "rent", "q3": "notice"}
    for name, texts in (("corpus", passages), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("\n".join(json.dumps({"_id": key, "text": text}) for key, text in texts.items()))
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\tp1\t1\nq2\tp2\t1\nq3\tp3\t1\n")
    return folder


@pytest.fixture
def sts(tmp_path: Path) -> Path:
    folder = tmp_path / "general-stsb"
    folder.mkdir()
    (folder / "en-test.tsv").write_text("score\tsentence1\tsentence2\n5\ta\ta b\n2.5\tc d\tc e\n0\tf\tg h\n1\trent\tlaw\n")
    return folder


@pytest.fixture
def adapter(tiny_base: Path, tmp_path: Path) -> Path:
    folder, draw = tmp_path / "mine", torch.Generator().manual_seed(1)
    folder.mkdir()
    module = LoraModule(torch.randn(2, 32, generator=draw), torch.randn(32, 2, generator=draw), 2.0)
    write_lora({"encoder.layer.0.attention.self.query": module}, folder / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "base_model_name_or_path": str(tiny_base)}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


def bench(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["bench", *map(str, arguments)])


def test_what_holds_exits_with_0_and_what_does_not_with_3_after_the_result(adapter: Path, law: Path, sts: Path) -> None:
    rules = ("--require", "law >= 0", "--require", "nDCG@10 > base + 0.9", "--require", "STSBenchmark (local):Spearman <= 1")
    data = (adapter, "--data", law, "--general-data", sts)
    ran = bench(*data, *rules, "--json")
    assert ran.exit_code == 3
    told = json.loads(ran.stdout)
    assert [(verdict["requirement"], verdict["holds"]) for verdict in told["requirements"]] == [
        ("law >= 0", True),
        ("nDCG@10 > base + 0.9", False),
        ("STSBenchmark (local):Spearman <= 1", True),
    ]
    (line,) = [line for line in ran.stderr.splitlines() if line.startswith("not met")]
    failed = told["requirements"][1]
    assert f"{adapter}: nDCG@10 > base + 0.9" in line
    assert f"nDCG@10 {failed['value']:.4f}, limit {failed['limit']:.4f}" in line
    base = next(score for score in told["scores"] if (score["task"], score["reference"]) == ("law", "base"))
    assert failed["limit"] == pytest.approx(base["metrics"]["nDCG@10"] + 0.9)
    assert bench(*data, *rules[:2], *rules[4:]).exit_code == 0


def test_the_table_is_printed_before_a_requirement_fails(adapter: Path, law: Path) -> None:
    ran = bench(adapter, "--data", law, "--require", "law > 1", "--metric", "MAP@10")
    assert ran.exit_code == 3
    assert "domain mean" in ran.stdout
    assert "AP@10" in ran.stdout
    assert "R@100" not in ran.stdout


@pytest.mark.parametrize(
    "arguments, part",
    [
        (("--require", "law is good"), "is not a requirement"),
        (("--require", "law >= much"), "neither a number nor base"),
        (("--metric", "nDCG@11"), "Did you mean nDCG@1 or nDCG@10"),
    ],
)
def test_a_rule_or_metric_that_cannot_be_read_is_wrong_usage(law: Path, arguments: tuple[str, ...], part: str) -> None:
    ran = bench("no-such-reference", "--data", law, *arguments)
    assert ran.exit_code == 2
    assert part in " ".join(ran.stderr.split()).replace("│ ", "")


def test_a_rule_for_what_is_not_scored_is_refused_before_the_work(adapter: Path, law: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapt_embed.bench.run.scoring.bench", lambda *_: pytest.fail("something was scored"))
    ran = bench(adapter, "--data", law, "--require", "lawn >= 0.5")
    assert ran.exit_code == 1
    assert "unknown task or metric 'lawn'. Did you mean law?" in ran.stderr


def test_general_data_count_as_general(adapter: Path, law: Path, sts: Path) -> None:
    told = json.loads(bench(adapter, "--data", law, "--general-data", sts, "--json").stdout)
    assert [(task["name"], task["role"], task["main_metric"]) for task in told["tasks"]] == [
        ("law", "domain", "nDCG@10"),
        ("STSBenchmark (local)", "general", "Spearman"),
    ]
    main = {(score["task"], score["reference"]): next(iter(score["metrics"].values())) for score in told["scores"]}
    base, own = told["summary"]
    assert own["gain"] == pytest.approx(main["law", str(adapter)] - main["law", "base"])
    assert own["forgetting"] == pytest.approx(main["STSBenchmark (local)", "base"] - main["STSBenchmark (local)", str(adapter)])
    assert (base["domain_mean"], base["gain"]) == (main["law", "base"], None)


# Intervals of every kind of task


@pytest.fixture
def tables(tmp_path: Path) -> list[Path]:
    """Folders of one table or two: pairs with scores, pairs with labels, texts with labels, texts with clusters."""
    words = ("court", "judge", "rent", "tenant", "law", "appeal", "notice", "lease", "landlord", "deposit", "house", "water")
    rows = [(word, words[(row * 5 + 1) % 12], row % 4, row % 2) for row, word in enumerate(words)]
    content = {
        "scored": {"test": ["score\tsentence1\tsentence2", *(f"{grade}\t{one}\t{two}" for one, two, grade, _ in rows)]},
        "paired": {"test": ["sentence1\tsentence2\tlabel", *(f"{one}\t{two}\t{label}" for one, two, _, label in rows)]},
        "labelled": {split: ["text\tlabel", *(f"{one} {split}\t{label}" for one, _, _, label in rows)] for split in ("train", "test")},
        "clustered": {"test": ["text\tcluster", *(f"{one}\t{grade}" for one, _, grade, _ in rows)]},
    }
    for name, splits in content.items():
        (tmp_path / name).mkdir()
        for split, lines in splits.items():
            (tmp_path / name / f"{split}.tsv").write_text("\n".join(lines) + "\n")
    return [tmp_path / name for name in content]


def test_an_interval_is_of_the_difference_that_mteb_scored(adapter: Path, law: Path, tables: list[Path]) -> None:
    told = json.loads(bench(adapter, *(part for folder in (law, *tables) for part in ("--data", folder)), "--json").stdout)
    assert "error" not in told, told
    own = {score["task"]: score for score in told["scores"] if score["reference"] == str(adapter)}
    statistics = {task["name"]: (task["statistic"], own[task["name"]]["interval"]["metric"]) for task in told["tasks"]}
    assert statistics == {
        "law": ("mean", "nDCG@10"),
        "scored": ("Spearman", "Spearman"),
        "paired": ("AP", "AP"),
        "labelled": ("mean", "Accuracy"),
        "clustered": ("none", "V-measure"),
    }
    for name, score in own.items():
        interval = score["interval"]
        assert interval["difference"] == pytest.approx(score["difference"][interval["metric"]], abs=2e-5), name
        assert (interval["low"] is None) == (name == "clustered")
        assert interval["low"] is None or interval["low"] <= interval["difference"] <= interval["high"]
        assert interval["p"] is None or 0 < interval["p"] <= interval["p_holm"] <= 1
    assert own["clustered"]["interval"]["method"] == "none: a score of clustering is of the whole set, and not a mean over its items"
