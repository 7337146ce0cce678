"""MTEB's tasks: found by name, benchmark, filter and set; loaded from a cache of the Hub that is built here; told where they are not there."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import datasets
import mteb
import numpy as np
import pytest
from adapt_embed.bench.cost.estimate import text_groups
from adapt_embed.bench.hub import loading
from adapt_embed.bench.hub.loading import is_cached, load_hub_tasks
from adapt_embed.bench.hub.names import find_hub_tasks
from adapt_embed.bench.run.identity import Identity
from adapt_embed.bench.run.models import Model, check_tasks
from adapt_embed.bench.run.scoring import bench
from adapt_embed.bench.scope import Wanted
from adapt_embed.bench.task_sets import choose_tasks
from adapt_embed.bench.tasks.data import data_of
from adapt_embed.bench.tasks.hub_task import HubTask
from adapt_embed.bench.tasks.table import kind_of
from adapt_embed.cli import main
from adapt_embed.encoders import Encoded
from adapt_embed.errors import ConfigError, DomainError
from adapt_embed.hub import reach
from click.testing import CliRunner, Result
from huggingface_hub import constants


@pytest.fixture(autouse=True)
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where `datasets` keeps what it has made of files."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "tables")
    return tmp_path / "tables"


def find(*texts: str, language: str = "en") -> list[str]:
    return list(find_hub_tasks(texts, language=language).tasks)


def hub_task(name: str, language: str = "en") -> HubTask:
    return next(iter(find_hub_tasks([name], language=language).tasks.values()))


def write_snapshot(task: str, files: dict[str, list[dict]], configs: dict[str, dict[str, str]] | None = None, revision: str = "") -> Path:
    """Write a data set's files where the Hub's client keeps them, as if it had fetched them."""
    dataset = mteb.get_task(task).metadata.dataset
    folder = (
        Path(constants.HF_HUB_CACHE) / ("datasets--" + dataset["path"].replace("/", "--")) / "snapshots" / (revision or dataset["revision"])
    )
    folder.mkdir(parents=True)
    described = [
        {"config_name": config, "data_files": [{"split": s, "path": p} for s, p in of.items()]} for config, of in (configs or {}).items()
    ]
    (folder / "README.md").write_text(f"---\n{json.dumps({'configs': described})}\n---\n" if configs else "# A data set\n")
    for name, rows in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def cache_stsbenchmark(revision: str = "") -> Path:
    rows = [{"sentence1": f"a man {row}", "sentence2": f"a woman {row % 3}", "score": row / 2, "genre": "news"} for row in range(8)]
    return write_snapshot("STSBenchmark", {"test.jsonl": rows, "train.jsonl": rows[:2]}, revision=revision)


def cache_nfcorpus() -> Path:
    """Write a data set in BEIR's layout; the task that is made of it is scored on a split called train."""
    files = {
        "corpus.jsonl": [{"_id": f"d{row}", "title": "Diet" if row else "", "text": f"on food {row}"} for row in range(5)],
        "queries.jsonl": [{"_id": "q0", "text": "food 1"}, {"_id": "q1", "text": "diet 3"}, {"_id": "unjudged", "text": "x"}],
        "qrels.jsonl": [{"query-id": "q0", "corpus-id": "d1", "score": 1}, {"query-id": "q1", "corpus-id": "d3", "score": 2}],
    }
    configs = {"default": {"train": "qrels.jsonl"}, "corpus": {"train": "corpus.jsonl"}, "queries": {"train": "queries.jsonl"}}
    return write_snapshot("NanoNFCorpusRetrieval", files, configs)


def cache_counterfactual(subsets: Sequence[str] = ("de", "en")) -> Path:
    rows = [{"text": f"I wish it were {row}", "label": row % 2, "label_text": "x"} for row in range(20)]
    files = {f"{subset}/{split}.jsonl": rows for subset in subsets for split in ("train", "test")}
    configs = {subset: {split: f"{subset}/{split}.jsonl" for split in ("train", "test")} for subset in ("de", "en")}
    return write_snapshot("AmazonCounterfactualClassification", files, configs)


class Letters:
    """An encoder that counts letters, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.dimension = 40

    def networks(self) -> tuple[()]:
        return ()

    def encode(self, texts: Sequence[str], role: str = "document", *, on_batch: object = None) -> Encoded:
        self.asked += [(role, text) for text in texts]
        rows = np.array([np.bincount([ord(letter) % 40 for letter in text], minlength=40) for text in texts], np.float32)
        return Encoded(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.zeros(len(texts), np.bool_))

    @property
    def model(self) -> Model:
        return Model("letters", self, Identity(name="adapt/l", revision="l", precision="fp32", max_tokens=8), "counts", None)  # type: ignore[arg-type]


def test_a_name_is_found_with_the_split_that_mteb_evaluates_on() -> None:
    splits = {name: hub_task(name, "zh").split for name in ("NanoNFCorpusRetrieval", "STSB", "TNews", "CmedqaRetrieval")}
    assert splits == {"NanoNFCorpusRetrieval": "train", "STSB": "test", "TNews": "validation", "CmedqaRetrieval": "dev"}
    (other,) = find_hub_tasks(["STSB"], language="zh", split="validation").tasks.values()
    assert other.split == "validation"


def test_several_names_and_a_comma_in_parentheses_are_told_apart() -> None:
    assert find("SciFact, STSBenchmark", "SciFact") == ["SciFact", "STSBenchmark"]
    law = find("MTEB(Law, v1),STSBenchmark")
    assert sorted(law) == sorted([*(task.metadata.name for task in mteb.get_benchmark("MTEB(Law, v1)").tasks), "STSBenchmark"])


def test_a_benchmark_goes_by_its_other_names_too() -> None:
    assert find("MTEB(law)") == find("MTEB(Law, v1)")


def test_a_task_of_several_subsets_is_taken_in_the_language_or_by_the_subset_that_is_named() -> None:
    assert find("AmazonCounterfactualClassification") == [
        "AmazonCounterfactualClassification (en-ext)",
        "AmazonCounterfactualClassification (en)",
    ]
    assert find("AmazonCounterfactualClassification (de)") == ["AmazonCounterfactualClassification (de)"]
    assert find("XPQARetrieval", language="zh") == ["XPQARetrieval (cmn-cmn)"]
    with pytest.raises(ConfigError, match=r"AmazonCounterfactualClassification has no subset 'es'; there are 4, such as"):
        find("AmazonCounterfactualClassification (es)")
    with pytest.raises(ConfigError, match="AmazonCounterfactualClassification has no subset in the language zh"):
        find("AmazonCounterfactualClassification", language="zh")


def test_a_task_that_is_a_mean_of_tasks_is_those() -> None:
    assert "CQADupstackAndroidRetrieval" in find("CQADupstackRetrieval")
    assert len(find("CQADupstackRetrieval")) == 12


def test_all_conditions_of_a_filter_hold() -> None:
    legal = find_hub_tasks(["domain=legal,language=eng,type=retrieval"], language="en").tasks.values()
    names = {task.name for task in legal}
    assert {"AILACasedocs", "LegalBenchCorporateLobbying"} <= names
    assert "LeCaRDv2" not in names
    assert {task.task.metadata.type for task in legal} == {"Retrieval"}
    assert all("Legal" in task.task.metadata.domains and "eng" in task.task.metadata.languages for task in legal)
    assert find("type=STS, language=zh, STSBenchmark")[0] == "STSBenchmark"


def test_what_a_filter_finds_and_the_bench_cannot_score_is_left_out_with_its_kind() -> None:
    found = find_hub_tasks(["domain=legal,language=eng"], language="en")
    assert found.tasks
    assert found.left_out
    assert all("the bench knows Retrieval, Reranking, STS, " in reason for reason in found.left_out.values())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("STSBenchmrk", r"MTEB has no task or benchmark 'STSBenchmrk'; did you mean STSBenchmark"),
        ("scifact", r"'scifact'; did you mean SciFact"),
        ("MTEB(Law, v3)", r"did you mean MTEB\(Law, v1\)"),
        ("xyzzyqqq", "'xyzzyqqq'; no name is similar"),
        ("BUCC.v2", "BUCC.v2 cannot be benched: it is of the kind BitextMining; the bench knows Retrieval, Reranking, STS"),
        ("domain=leagl", r"unknown domain of MTEB's 'leagl'\. Did you mean Legal"),
        ("type=Retreival", "unknown kind of task 'Retreival'. Did you mean Retrieval"),
        ("kind=STS", "unknown key of a filter of tasks 'kind'"),
        ("language=english", "MTEB has no tasks in the language 'english'; languages are en, zh or codes"),
        ("domain=Chemistry,type=STS", "no task of MTEB's meets domain=Chemistry,type=STS"),
    ],
)
def test_what_cannot_be_found_is_one_line_with_the_nearest_names(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        find(text)
    assert "\n" not in str(caught.value)


def test_cached_pairs_are_scored_without_asking_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "hub_is_reachable", lambda: pytest.fail("the Hub was asked for"))
    assert not is_cached(hub_task("STSBenchmark"))
    cache_stsbenchmark()
    assert is_cached(hub_task("STSBenchmark"))
    loaded = load_hub_tasks([hub_task("STSBenchmark")], offline=True)
    assert loaded.left_out == {}
    (task,) = loaded.tasks
    found = bench([Letters().model], [task])
    assert (found.tasks[0].name, found.tasks[0].items) == ("STSBenchmark", 8)
    assert found.tasks[0].revision == mteb.get_task("STSBenchmark").metadata.dataset["revision"]
    assert -1 <= found.scores[0].metrics["Spearman"] <= 1
    assert len(found.scores[0].items) == len(kind_of(task).gold(task)) == 8


def test_cached_retrieval_gets_titles_as_mteb_joins_them_and_a_value_of_each_query() -> None:
    cache_nfcorpus()
    (task,) = load_hub_tasks([hub_task("NanoNFCorpusRetrieval")], offline=True).tasks
    letters = Letters()
    score = bench([letters.model], [task]).scores[0]
    assert ("document", "Diet on food 1") in letters.asked
    assert ("document", "on food 0") in letters.asked
    assert ("query", "diet 3") in letters.asked
    assert ("query", "x") not in letters.asked
    assert set(score.items) == {"q0", "q1"}
    assert np.mean(list(score.items.values())) == pytest.approx(score.metrics["nDCG@10"], abs=1e-5)
    assert sorted(letters.asked) == sorted((role, text) for role, texts in kind_of(task).texts(task).items() for text in texts)


def test_a_cached_task_with_a_grade_that_cannot_be_is_left_out_with_the_reason() -> None:
    row = {"query-id": "q0", "corpus-id": "d1", "score": 2000}
    (cache_nfcorpus() / "qrels.jsonl").write_text(json.dumps(row) + "\n")
    reason = load_hub_tasks([hub_task("NanoNFCorpusRetrieval")], offline=True).left_out["NanoNFCorpusRetrieval"]
    assert reason.endswith("query 'q0' with passage 'd1': the grade is 2000; expected a whole number from 0 to 1,000")


def test_one_subset_of_a_cached_task_is_a_task_of_its_own() -> None:
    cache_counterfactual()
    names = ["AmazonCounterfactualClassification (en)", "AmazonCounterfactualClassification (de)"]
    tasks = load_hub_tasks(list(find_hub_tasks(names, language="en").tasks.values()), offline=True).tasks
    result = bench([Letters().model], tasks)
    assert [task.name for task in result.tasks] == names
    assert list(data_of(tasks[0])["label"])[:3] == [0, 1, 0]
    assert all(len(score.items) == 20 and {"Accuracy", "F1", "AP"} == set(score.metrics) for score in result.scores)


def test_a_task_scores_as_it_does_in_plain_mteb() -> None:
    """With the data laid out anew, and without."""
    cache_nfcorpus()
    cache_counterfactual()
    for name in ("NanoNFCorpusRetrieval", "AmazonCounterfactualClassification (en)"):
        (task,) = load_hub_tasks([hub_task(name)], offline=True).tasks
        own = bench([Letters().model], [task]).scores[0].metrics
        plain = mteb.get_task(name.partition(" (")[0], hf_subsets=["en"] if "(" in name else None, eval_splits=[task.eval_splits[0]])
        loading._load_cached(HubTask(task=plain, subset=plain.hf_subsets[0], split=task.eval_splits[0]))
        plain.data_loaded = True
        result = bench_plainly(plain)
        main = next(iter(own))
        assert own[main] == pytest.approx(result, abs=1e-9)


def bench_plainly(task: mteb.AbsTask) -> float:
    from adapt_embed.bench.run.mteb_model import MtebModel

    letters = Letters()
    model = MtebModel(letters, letters.model.identity)
    found = mteb.evaluate(model, task, cache=None, co2_tracker=False, show_progress_bar=False, encode_kwargs={"show_progress_bar": False})
    return found.task_results[0].scores[task.eval_splits[0]][0]["main_score"]


def test_files_of_one_subset_alone_are_no_reason_to_fail_if_its_tables_were_made(tables: Path) -> None:
    """Files of the subset that stands first are missing, so that `datasets` cannot read the folder; what it made when it was online serves."""
    cache_counterfactual(["en"])
    wanted = hub_task("AmazonCounterfactualClassification (en)")
    assert "could not be loaded" in load_hub_tasks([wanted], offline=True).left_out[wanted.name]
    prepare(tables, wanted, wanted.task.metadata.dataset["revision"])
    wanted = hub_task("AmazonCounterfactualClassification (en)")
    loaded = load_hub_tasks([wanted], offline=True)
    assert loaded.left_out == {}
    assert len(data_of(loaded.tasks[0])["text"]) == 6


def prepare(tables: Path, task: HubTask, revision: str) -> None:
    """Write what `datasets` makes of a subset of a data set of the Hub."""
    owner, _, name = task.source.partition("/")
    rows = datasets.Dataset.from_dict({"text": [f"text {row}" for row in range(6)], "label": [row % 2 for row in range(6)]})
    builder_folder = tables / f"{owner}___{name}" / task.subset / "0.0.0" / revision
    builder_folder.mkdir(parents=True)
    splits = {}
    for split in ("train", "test"):
        with datasets.arrow_writer.ArrowWriter(path=str(builder_folder / f"{name}-{split}.arrow"), features=rows.features) as writer:
            for row in rows:
                writer.write(row)
            writer.finalize()
        splits[split] = {"name": split, "num_bytes": 1, "num_examples": 6, "dataset_name": name}
    info = {"config_name": task.subset, "dataset_name": name, "splits": splits, "features": rows.features.to_dict()}
    (builder_folder / "dataset_info.json").write_text(json.dumps(info))


def test_another_revision_is_not_what_was_asked_for(tables: Path) -> None:
    cache_stsbenchmark(revision="0" * 40)
    wanted = hub_task("STSBenchmark")
    assert not is_cached(wanted)
    subset = hub_task("AmazonCounterfactualClassification (en)")
    prepare(tables, subset, "1" * 40)
    assert not is_cached(subset)
    prepare(tables, subset, subset.task.metadata.dataset["revision"])
    assert not is_cached(subset)  # which of the two `datasets` would take depends on their dates


def test_an_incomplete_copy_is_told_as_one_line() -> None:
    folder = cache_nfcorpus()
    (folder / "corpus.jsonl").unlink()
    left_out = load_hub_tasks([hub_task("NanoNFCorpusRetrieval")], offline=True).left_out
    assert "could not be loaded" in left_out["NanoNFCorpusRetrieval"]
    assert "\n" not in left_out["NanoNFCorpusRetrieval"]


def test_with_the_hub_in_reach_it_is_mteb_that_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "hub_is_reachable", lambda: True)
    wanted, told = hub_task("STSBenchmark"), []

    def load_data() -> None:
        rows = {"sentence1": ["a", "b"], "sentence2": ["c", "d"], "score": [1.0, 2.0]}
        wanted.task.dataset = datasets.DatasetDict({"test": datasets.Dataset.from_dict(rows)})

    wanted.task.load_data = load_data
    (task,) = load_hub_tasks([wanted], offline=False, on_task=told.append).tasks
    assert told == ["STSBenchmark"]
    assert list(data_of(task)["sentence2"]) == ["c", "d"]


def test_offline_never_asks_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "hub_is_reachable", lambda: pytest.fail("the Hub was asked for"))
    assert load_hub_tasks([hub_task("SciFact")], offline=True).left_out == {"SciFact": "not in the cache"}


def test_data_of_another_layout_leave_a_task_out_instead_of_crashing() -> None:
    write_snapshot("STSBenchmark", {"test.jsonl": [{"left": "a", "right": "b"}]})
    reason = load_hub_tasks([hub_task("STSBenchmark")], offline=True).left_out["STSBenchmark"]
    assert "do not have the layout of mteb's STS" in reason
    assert "no column sentence1 in left, right" in reason


@pytest.mark.parametrize(
    ("sets", "language", "names"),
    [
        (("domain",), "zh", ["LeCaRDv2"]),
        (("general",), "zh", ["STSB", "TNews"]),
        (("domain", "general"), "zh", ["LeCaRDv2", "STSB", "TNews"]),
    ],
)
def test_a_set_of_a_domain_is_its_files_list(sets: tuple, language: str, names: list[str]) -> None:
    chosen = choose_tasks(Wanted(domains=("legal",), sets=sets, language=language), dry_run=True)
    assert [task.name for task in chosen.pending] == names


def test_the_large_set_is_asked_for_by_name() -> None:
    chosen = choose_tasks(Wanted(domains=("medical",), sets=("large",), language="zh"), dry_run=True)
    assert [task.name for task in chosen.pending] == ["CmedqaRetrieval", "MedicalRetrieval"]
    assert [sum(group.count for group in text_groups(task)) for task in chosen.pending] == [104_000, 101_999]
    with pytest.raises(ConfigError, match=r"no tasks in the set domain in zh; sets there are: medical: sample, large, general"):
        choose_tasks(Wanted(domains=("medical",), sets=("domain",), language="zh"))


def test_the_sample_may_be_among_a_domains_tasks_and_is_that_domains_alone() -> None:
    chosen = choose_tasks(Wanted(domains=("legal", "ecommerce"), sets=("domain",), language="en"), dry_run=True)
    assert [task.metadata.name for task in chosen.tasks] == ["sample-ecommerce-en"]
    assert "AmazonCounterfactualClassification (en)" in [task.name for task in chosen.pending]


def test_general_tasks_need_no_domain() -> None:
    pending = choose_tasks(Wanted(sets=("general",)), dry_run=True).pending
    assert {"STSBenchmark", "SciFact", "Banking77Classification"} <= {task.name for task in pending}


def test_an_unknown_domain_and_a_typo_are_found_before_anything_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapt_embed.bench.task_sets.load_hub_tasks", lambda *args, **options: pytest.fail("loaded"))
    with pytest.raises(DomainError, match="unknown domain 'leagl'"):
        choose_tasks(Wanted(domains=("leagl",), sets=("domain",)))
    with pytest.raises(ConfigError, match="did you mean SciFact"):
        choose_tasks(Wanted(tasks=("STSBenchmark,SciFactt",)))


def test_a_ranking_model_is_refused_candidates() -> None:
    ranking = Letters()
    ranking.dimension = None  # type: ignore[assignment]
    with pytest.raises(ConfigError, match=r"AskUbuntuDupQuestions \(Reranking\)"):
        check_tasks([ranking.model], [hub_task("AskUbuntuDupQuestions").task])


@pytest.fixture
def run(tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run the command on the tiny base, the Hub being out of reach."""
    monkeypatch.setattr(reach, "PROBE_TIMEOUT_S", 0.5)

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["bench", "base", "--base", str(tiny_base), "--max-tokens", "16", *arguments])

    return call


def test_one_message_names_what_is_run_and_what_is_not(run: Callable[..., Result]) -> None:
    cache_stsbenchmark()
    ran = run("--tasks", "STSBenchmark,SciFact", "--tasks", "NFCorpus", "--json")
    assert ran.exit_code == 0, ran.output
    told = [line for line in ran.stderr.splitlines() if "not run" in line]
    assert len(told) == 1
    assert told[0].startswith("run: STSBenchmark; not run: SciFact, NFCorpus (not in the cache, and http://127.0.0.1:9 cannot be reached)")
    result = json.loads(ran.stdout)
    assert [task["name"] for task in result["tasks"]] == ["STSBenchmark"]
    assert set(result["left_out"]) == {"SciFact", "NFCorpus"}


def test_offline_picks_what_can_run(run: Callable[..., Result]) -> None:
    cache_stsbenchmark()
    ran = run("--tasks", "STSBenchmark,SciFact", "--domain", "legal", "--offline", "--json")
    assert ran.exit_code == 0, ran.output
    assert "run: sample-legal-en, STSBenchmark; not run: SciFact (not in the cache)" in ran.stderr
    assert [task["name"] for task in json.loads(ran.stdout)["tasks"]] == ["sample-legal-en", "STSBenchmark"]


def test_if_none_can_run_it_is_an_error(run: Callable[..., Result]) -> None:
    ran = run("--tasks", "SciFact,NFCorpus")
    assert ran.exit_code == 1
    assert ran.stderr.count("Error:") == 1
    assert "no task can be scored; run: none; not run: SciFact, NFCorpus (not in the cache, and" in ran.stderr


def test_a_typo_exits_with_one_and_offers_the_nearest(run: Callable[..., Result]) -> None:
    ran = run("--tasks", "SciFakt")
    assert ran.exit_code == 1
    assert "MTEB has no task or benchmark 'SciFakt'; did you mean SciFact" in ran.stderr


def test_an_unknown_set_is_a_usage_error(run: Callable[..., Result]) -> None:
    assert run("--set", "huge").exit_code == 2


def test_a_dry_run_tells_sizes_and_minutes_of_what_is_here_and_of_what_is_not(run: Callable[..., Result]) -> None:
    cache_stsbenchmark()
    arguments = ("--tasks", "STSBenchmark,NFCorpus,AmazonCounterfactualClassification (en)", "--dry-run")
    planned = json.loads(run(*arguments, "--json").stdout)
    assert [(cell["task"], cell["sizes"], cell["texts"]) for cell in planned["cells"]] == [("STSBenchmark", {"pairs": 8}, 16)]
    corpus, reviews = planned["pending"]
    assert (corpus["task"], corpus["sizes"]) == ("NFCorpus", {"documents": 3633, "queries": 323})
    assert corpus["texts"] == 3956
    assert 10 * 3633 < corpus["tokens"] <= 16 * 3956  # passages of 1,590 characters on average, cut to 16 tokens
    assert (reviews["sizes"], reviews["texts"]) == ({"rows": 670}, 670 + 10 * 32 * 2)
    assert corpus["minutes"] > reviews["minutes"] > 0
    assert planned["pending_minutes"] == pytest.approx(corpus["minutes"] + reviews["minutes"])
    text = run(*arguments).stdout
    assert "NFCorpus with base: 3633 documents, 323 queries; not in the cache, roughly" in text
    assert "min for what is not in the cache, and the time to fetch it" in text
