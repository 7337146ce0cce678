"""Training as a job: what Python calls, and the command line calls the same way."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from adapt_embed.adapters import TrainConfig
from adapt_embed.adapters.job import TrainOutcome, TrainRequest, prepare_training
from adapt_embed.cli import main
from adapt_embed.data.pairs import TrainingData
from adapt_embed.encoders import LoraEncoder
from adapt_embed.errors import AdaptError, BaseError, ConfigError, DataError, DomainError, RegistryError, RequestError
from adapt_embed.events import Quiet, Step
from adapt_embed.lora import WEIGHTS, factors_sha256, read_lora
from adapt_embed.references import Search
from adapt_embed.registry import open_registry
from click.testing import CliRunner

SETTINGS = {"epochs": 1, "batch_size": 16, "learning_rate": 1e-2, "temperature": 0.05, "rank": 2, "max_tokens": 16, "precision": "fp32"}
CONFIG = TrainConfig(**SETTINGS)  # type: ignore[arg-type]
ASKED = ["court", "judge", "tenant", "rent", "law", "contract", "appeal", "witness"]
PAIRS = [(f"{word} number {row}", f"the {word} of case {row} and what it says") for row in range(16) for word in ASKED]
Request = Callable[..., TrainRequest]


class Heard(Quiet):
    """Keeps what a job reports."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.stages: list[str] = []
        self.notes: list[str] = []
        self.steps: list[Step] = []
        self.measured: list[tuple[str, int, int]] = []
        self.stop_after = stop_after

    def stage(self, what: str) -> None:
        self.stages.append(what)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def progress(self, what: str, done: int, total: int, unit: str = "texts") -> None:
        self.measured.append((what, done, total))

    def step(self, at: Step) -> None:
        self.steps.append(at)
        if at.step == self.stop_after:
            raise KeyboardInterrupt


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "registry"


@pytest.fixture
def request_of(home: Path, tiny_base: Path) -> Request:
    def make(**more: object) -> TrainRequest:
        where = Search(registry=open_registry(home), base=str(tiny_base))
        return TrainRequest(**({"domain": "legal", "data": PAIRS, "config": CONFIG, "where": where} | more))  # type: ignore[arg-type]

    return make


def train(request: TrainRequest, events: Quiet | None = None) -> TrainOutcome:
    return prepare_training(request, events or Quiet()).run(events or Quiet())


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.name != ".lock")


# One version


def test_pairs_in_memory_become_a_version(request_of: Request, home: Path) -> None:
    (version,) = train(request_of()).versions
    assert version.entry is not None
    assert (version.entry.reference, version.entry.data.source, version.path) == ("legal@1", "in memory", home / "legal" / "1")
    assert version.entry.data.counts["train_pairs"] + version.entry.data.counts["dev_queries"] == len(PAIRS)
    assert not list(home.glob("runs/*"))


def test_the_factors_are_those_of_the_file(request_of: Request) -> None:
    (version,) = train(request_of()).versions
    assert factors_sha256(version.factors) == factors_sha256(read_lora(version.path))
    assert factors_sha256(version.factors) != factors_sha256(version.result.factors)  # fp16 rounds


def test_the_outcome_is_the_object_that_the_command_prints(
    request_of: Request, home: Path, tiny_base: Path, toy_folder: Path, tmp_path: Path
) -> None:
    outcome = train(request_of(data=str(toy_folder), gram_rank=4))
    other = tmp_path / "other"
    settings = [part for name, value in SETTINGS.items() for part in ("--set", f"{name}={value}")]
    options = ["--domain", "legal", "--data", str(toy_folder), "--base", str(tiny_base), "--gram-rank", "4", "--registry", str(other)]
    printed = json.loads(CliRunner().invoke(main, ["train", *options, *settings, "--json"]).stdout)
    assert list(outcome.as_dict()) == ["reference", "path", "bytes", "dev", "steps", "losses", "grams"]
    assert outcome.as_dict() | {"path": None} == printed | {"path": None}
    assert (home / "legal" / "1" / WEIGHTS).read_bytes() == (other / "legal" / "1" / WEIGHTS).read_bytes()


def test_what_is_done_is_reported(request_of: Request) -> None:
    heard = Heard()
    train(request_of(gram_rank=4), heard)
    assert heard.stages == ["reading the data", "loading the base", "training", "writing the version"]
    assert [at.step for at in heard.steps] == list(range(1, heard.steps[-1].steps + 1))
    assert heard.steps[-1].metric == "nDCG@10"
    assert [line.partition(":")[0] for line in heard.notes if not line.startswith(("note", "warning"))] == ["base", "data", "dev", "grams"]
    what, done, total = heard.measured[-1]
    assert (what, done) == ("measuring Gram matrices", total)


# In memory


def test_what_is_not_registered_leaves_nothing_on_the_disk(request_of: Request, home: Path) -> None:
    outcome = train(request_of(register=False, gram_rank=4))
    assert files_in(home.parent) == []
    (version,) = outcome.versions
    assert (version.entry, version.path) == (None, None)
    assert list(outcome.as_dict()) == ["dev", "steps", "losses", "grams"]


def test_it_holds_what_its_version_would(request_of: Request) -> None:
    in_memory, registered = train(request_of(register=False, gram_rank=4)), train(request_of(gram_rank=4))
    assert factors_sha256(in_memory.versions[0].factors) == factors_sha256(registered.versions[0].factors)
    assert in_memory.versions[0].dev == registered.versions[0].dev
    assert in_memory.as_dict()["grams"] == registered.as_dict()["grams"]


def test_its_base_and_factors_encode(request_of: Request) -> None:
    (version,) = train(request_of(register=False)).versions
    texts = ["court number 1", "tenant"]
    plain, adapted = (
        LoraEncoder(version.base, factors=factors, precision="fp32").encode(texts, "query").vectors for factors in (None, version.factors)
    )
    assert not np.allclose(plain, adapted, atol=1e-3)


def test_a_name_that_the_registry_would_refuse_is_no_hindrance_in_memory(request_of: Request) -> None:
    with pytest.raises(RegistryError):
        prepare_training(request_of(name="con"))
    assert train(request_of(name="con", register=False)).versions


# The plan


def test_the_plan_writes_nothing_and_is_what_the_run_does(request_of: Request, home: Path) -> None:
    job = prepare_training(request_of(gram_rank=4))
    plan = job.plan()
    assert files_in(home.parent) == []
    outcome = job.run()
    assert plan.run.steps == outcome.versions[0].result.steps
    assert plan.as_dict()["seconds"] == pytest.approx(plan.run.seconds + plan.gram_seconds)
    assert plan.as_dict()["grams"]["rank"] == plan.grams.rank == 4
    assert (plan.source, list(plan.seeds), plan.interrupted) == ("in memory", [0], ())


def test_a_job_that_was_planned_gives_the_factors_of_one_that_was_not(request_of: Request) -> None:
    job = prepare_training(request_of(register=False))
    job.plan()
    assert factors_sha256(job.run().versions[0].factors) == factors_sha256(train(request_of(register=False)).versions[0].factors)


# Interrupted and resumed


def test_an_interrupted_run_goes_on_where_it_was(request_of: Request, home: Path) -> None:
    whole = train(request_of(register=False))
    heard = Heard(stop_after=2)
    with pytest.raises(KeyboardInterrupt):
        train(request_of(), heard)
    assert "interrupted after step 2 of" in heard.notes[-1]
    (former,) = prepare_training(request_of()).plan().interrupted
    assert (former.seed, former.step, former.finished) == (0, 2, None)
    again = Heard()
    resumed = train(request_of(resume=True), again)
    assert again.steps[0].step == 3
    assert any(line.startswith("resuming the interrupted run after step 2") for line in again.notes)
    assert resumed.as_dict()["losses"] == whole.as_dict()["losses"]
    assert factors_sha256(resumed.versions[0].factors) == factors_sha256(whole.versions[0].factors)
    assert not list(home.glob("runs/*"))


def test_where_nothing_was_interrupted_resuming_says_so(request_of: Request) -> None:
    heard = Heard()
    train(request_of(resume=True), heard)
    assert any(line.startswith("nothing to resume") for line in heard.notes)


# Several seeds


def test_each_seed_is_a_version_as_alone(request_of: Request) -> None:
    outcome = train(request_of(seeds=2))
    assert [version.entry.reference for version in outcome.versions] == ["legal@1", "legal@2"]
    assert [version.config.seed for version in outcome.versions] == [0, 1]
    alone = train(request_of(config=replace(CONFIG, seed=1), register=False)).versions[0]
    assert factors_sha256(outcome.versions[1].factors) == factors_sha256(alone.factors)
    told = outcome.as_dict()
    assert (told["of"], told["group"]) == (2, outcome.group)
    assert told["dev"]["mean"] == pytest.approx(np.mean([version.dev.after for version in outcome.versions]))
    assert outcome.spread.deviation > 0


def test_seeds_in_memory_write_nothing_and_are_of_no_group(request_of: Request, home: Path) -> None:
    outcome = train(request_of(seeds=2, register=False))
    assert files_in(home.parent) == []
    assert (len(outcome.versions), outcome.group) == (2, None)
    assert [row["seed"] for row in outcome.as_dict()["versions"]] == [0, 1]


def test_a_group_goes_on_with_what_is_not_finished(request_of: Request) -> None:
    class StopInSecond(Heard):
        def step(self, at: Step) -> None:
            super().step(at)
            if "seed 1" in self.notes and at.step == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(request_of(seeds=2), StopInSecond())
    former = prepare_training(request_of(seeds=2)).plan().interrupted
    assert [(each.finished, each.step) for each in former] == [("legal@1", None), (None, 2)]
    outcome = train(request_of(seeds=2, resume=True))
    finished, resumed = outcome.versions
    assert (finished.result, finished.entry.reference, resumed.entry.reference) == (None, "legal@1", "legal@2")
    assert finished.dev is not None
    assert factors_sha256(finished.factors) == factors_sha256(read_lora(finished.path))


# Refused


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ({"seeds": 0}, RequestError, "0 versions are to be trained; expected at least 1"),
        ({"resume": True, "register": False}, RequestError, "only runs that are registered keep a state"),
        ({"gram_rank": 0}, ConfigError, "the rank of Gram matrices is 0; expected at least 1, or full"),
        ({"config": TrainConfig(seed=2**32 - 1), "seeds": 2}, ConfigError, r"seed is 4294967296"),
    ],
)
def test_a_request_that_contradicts_itself_cannot_be_made(
    request_of: Request, values: dict[str, object], error: type[AdaptError], message: str
) -> None:
    with pytest.raises(error, match=message):
        request_of(**values)


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"domain": "legl", "data": None}, DomainError),
        ({"data": "no/such/folder"}, DataError),
        ({"data": [("a query alone",)]}, DataError),
        ({"data": []}, DataError),
        ({"train_queries": 0}, ConfigError),
        ({"device": "cuda:7"}, ConfigError),
        ({"config": replace(CONFIG, targets=("no.such.module",))}, ConfigError),
    ],
)
def test_what_cannot_be_trained_is_refused_before_the_first_step(
    request_of: Request, home: Path, values: dict[str, object], error: type[AdaptError]
) -> None:
    heard = Heard()
    with pytest.raises(error):
        train(request_of(**values), heard)
    assert heard.steps == []
    assert not list(home.glob("*/1"))


def test_an_unknown_base_is_refused(request_of: Request, home: Path) -> None:
    with pytest.raises(BaseError):
        prepare_training(request_of(where=Search(registry=open_registry(home), base="no-such-base")))


def test_training_data_are_taken_as_they_are(request_of: Request, toy_data: TrainingData) -> None:
    (version,) = train(request_of(data=toy_data, register=False)).versions
    assert version.result.steps > 0


def test_making_a_request_and_refusing_its_words_imports_neither_torch_nor_click() -> None:
    script = """
import sys
from adapt_embed.adapters.job import TrainRequest, prepare_training
from adapt_embed.errors import AdaptError
request = TrainRequest(domain="legl")
try:
    prepare_training(request)
except AdaptError as e:
    assert "Did you mean legal" in str(e)
    print(sorted({"torch", "click", "peft", "datasets"} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def own_data(source: object) -> bool:
    return TrainRequest(domain="legal", data=source).has_own_data


@pytest.mark.parametrize("source", [None, "sample", "hub"])
def test_data_of_the_domain_are_not_ones_own(source: str | None) -> None:
    assert not own_data(source)


@pytest.mark.parametrize("source", ["folder", Path("sample"), [("a", "b")], []])
def test_other_data_are(source: str | Path | Sequence[object]) -> None:
    assert own_data(source)


def test_a_workbook_and_a_log_with_chinese_headings_are_trained_on_together(tiny_base: Path, home: Path, tmp_path: Path) -> None:
    """From the command line: several sources, of which one weighs half, columns by name, and the source as it can be given again."""
    answers = [f"{word}的回答{row}" for word in ASKED for row in range(8)]
    log, table = tmp_path / "log.csv", tmp_path / "table.tsv"
    log.write_bytes(("问题,答案\n" + "".join(f"{text}为什么,{text}\n" for text in answers)).encode("gb18030"))
    table.write_text("ask\ttold\n" + "".join(f"{text}怎么办\t{text}\n" for text in answers), encoding="utf-8")
    words = (
        "--domain",
        "门诊",
        "--base",
        tiny_base,
        "--registry",
        home,
        "--data",
        f"{log}=0.5",
        "--data",
        table,
        "--set",
        "rank=2",
        "--json",
    )
    refused = CliRunner().invoke(main, ["train", *map(str, words), "--columns", "query=ask,positive=answer"])
    assert (refused.exit_code, "table.tsv has no column 'answer'" in refused.output) == (1, True)
    done = CliRunner().invoke(main, ["train", *map(str, words), "--set", "epochs=1", "--columns", "query=ask,positive=told"])
    assert done.exit_code == 0, done.output
    (entry,) = open_registry(home).entries()
    assert entry.data is not None
    assert entry.data.source == f"{log}=0.5 + {table}"
    assert entry.data.counts["passages"] == len(answers)
    assert "line 1 reads '问题,答案'" in done.stderr
    assert any("read as GB18030" in note for note in entry.data.notes)
    assert not any("reads" in note for note in entry.data.notes), "a version may be shared, and its record quotes no data"
