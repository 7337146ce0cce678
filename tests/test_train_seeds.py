"""`adapt train --seeds`: a group of versions that differ in the seed alone, trained each once."""

import json
import shutil
import statistics
from collections.abc import Callable
from pathlib import Path

import pytest
from adapt_embed.adapters.seeds import open_group
from adapt_embed.base import load as base_load
from adapt_embed.cli import main
from adapt_embed.data import sources
from adapt_embed.data.domains import Domain, HubSet, load_domain
from adapt_embed.data.pairs import TrainingData
from adapt_embed.errors import TrainingError
from adapt_embed.registry import open_registry
from click.testing import CliRunner, Result

SETTINGS = ("epochs=1", "batch_size=16", "learning_rate=1e-2", "temperature=0.05", "rank=2", "max_tokens=16")
WEIGHTS = "adapter_model.safetensors"
LOOKS = 2  # at dev, in a run of one epoch: before the first step and after the last
Train = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "registry"


@pytest.fixture
def train(tiny_base: Path, toy_folder: Path, home: Path) -> Train:
    def run(*more: str, registry: Path = home) -> Result:
        options = [part for setting in SETTINGS for part in ("--set", setting)]
        domain = [] if "--domain" in more else ["--domain", "legal"]
        given = [*domain, "--data", toy_folder, "--base", tiny_base, "--dtype", "fp32", "--registry", registry]
        return CliRunner().invoke(main, ["train", *map(str, given), *options, *more])

    return run


def test_each_seed_gives_the_version_that_its_own_command_gives(train: Train, home: Path, tmp_path: Path) -> None:
    told = json.loads(train("--seeds", "2", "--seed", "3", "--json").stdout)
    assert [(version["reference"], version["seed"]) for version in told["versions"]] == [("legal@1", 3), ("legal@2", 4)]
    alone = tmp_path / "alone"
    train("--seed", "4", registry=alone)
    assert (home / "legal/2" / WEIGHTS).read_bytes() == (alone / "legal/1" / WEIGHTS).read_bytes()
    assert (home / "legal/1" / WEIGHTS).read_bytes() != (home / "legal/2" / WEIGHTS).read_bytes()
    assert not list(home.glob("runs/*"))


@pytest.mark.parametrize("more", [(), ("--train-queries", "40"), ("--dry-run",)])
def test_base_and_data_are_loaded_once_for_all_seeds(train: Train, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...]) -> None:
    loads: list[str] = []

    def counted(owner: object, name: str) -> None:
        load = getattr(owner, name)
        monkeypatch.setattr(owner, name, lambda *given, **options: (loads.append(name), load(*given, **options))[1])

    counted(base_load, "load_base")
    counted(sources, "load_training_data")
    result = train("--seeds", "3", *more)
    assert result.exit_code == 0, result.output
    assert sorted(loads) == ["load_base", "load_training_data"]


def test_queries_drawn_from_data_in_memory_are_those_that_each_seed_draws_by_itself(toy_folder: Path) -> None:
    domain = load_domain("legal")
    source = sources.TrainingSource(str(toy_folder), domain, "en", train_queries=40)
    for seed in (0, 5, 0):
        alone = sources.load_training_data(str(toy_folder), domain=domain, lang="en", seed=seed, train_queries=40)
        assert source.load(seed) == alone
    assert source.load(0).train != source.load(5).train


def test_hub_sets_of_which_the_seed_draws_rows_are_read_for_each_seed(toy_data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    def load(*_: object, seed: int, **__: object) -> TrainingData:
        read.append(seed)
        return toy_data

    monkeypatch.setattr(sources, "load_training_data", load)
    whole, limited = (HubSet(id="owner/name", revision="1", language="en", page="", layout="beir", rows=rows) for rows in (None, 10))
    for hub_set, expected in ((whole, [0]), (limited, [0, 1])):
        read.clear()
        monkeypatch.setattr(Domain, "hub_sets", lambda self, lang, hub_set=hub_set: (hub_set,))
        source = sources.TrainingSource("hub", load_domain("legal"), "en")
        assert [source.load(seed) for seed in (0, 1)] == [toy_data, toy_data]
        assert read == expected


def test_entries_record_their_group_and_a_single_run_records_none(train: Train, home: Path) -> None:
    told = json.loads(train("--seeds", "2", "--json").stdout)
    train("--seeds", "1")
    recorded = [entry.config.get("seeds") for entry in sorted(open_registry(home).entries(), key=lambda entry: entry.version)]
    assert [seeds and (seeds["group"], seeds["of"]) for seeds in recorded] == [(told["group"], 2), (told["group"], 2), None]
    assert recorded[0]["run"] != recorded[1]["run"]


def test_mean_and_spread_of_dev_are_told(train: Train) -> None:
    result = train("--seeds", "2", "--json")
    told = json.loads(result.stdout)
    scores = [version["dev"]["after"] for version in told["versions"]]
    assert told["dev"] == {
        "mean": statistics.fmean(scores),
        "deviation": statistics.stdev(scores),
        "least": min(scores),
        "greatest": max(scores),
    }
    text = train("--seeds", "2").stdout
    assert f"2 seeds: dev nDCG@10 {statistics.fmean(scores):.4f} ± {statistics.stdev(scores):.4f}" in text
    assert "legal@4  seed 1" in text
    assert "one adapter of them all: adapt merge legal@3 legal@4" in text


def test_the_seeds_merge_into_the_next_version_as_told(train: Train, home: Path) -> None:
    told = train("--seeds", "2").stdout.splitlines()[-1]
    command = told.removeprefix("one adapter of them all: adapt ").split()
    merged = CliRunner().invoke(main, [*command, "--registry", str(home)])
    assert merged.exit_code == 0, merged.output
    assert merged.stdout.startswith("legal@3\n")
    assert "one adapter of them all" not in train().stdout


def test_resume_trains_no_finished_seed_again_and_ends_as_the_uninterrupted_command(
    train: Train, home: Path, tmp_path: Path, ctrl_c: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tmp_path / "whole"
    train("--seeds", "3", registry=whole)
    ctrl_c(LOOKS + 2)  # in the second seed
    assert train("--seeds", "3").exit_code == 130
    assert [entry.reference for entry in open_registry(home).entries()] == ["legal@1"]
    monkeypatch.undo()
    resumed = train("--seeds", "3", "--resume", "--json")
    assert "seed 0: finished before, as legal@1" in resumed.stderr
    assert resumed.stderr.count("resuming the interrupted run") == 1
    assert "nothing to resume" not in resumed.stderr
    assert [version["reference"] for version in json.loads(resumed.stdout)["versions"]] == ["legal@1", "legal@2", "legal@3"]
    for version in (1, 2, 3):
        assert (home / f"legal/{version}" / WEIGHTS).read_bytes() == (whole / f"legal/{version}" / WEIGHTS).read_bytes()
    assert len({entry.config["seeds"]["group"] for entry in open_registry(home).entries()}) == 1
    assert not list(home.glob("runs/*"))


def test_the_same_command_again_makes_another_group(train: Train) -> None:
    first, second = (json.loads(train("--seeds", "2", "--json").stdout) for _ in range(2))
    assert first["group"] != second["group"]
    assert [version["reference"] for version in second["versions"]] == ["legal@3", "legal@4"]


def test_resume_after_all_is_done_says_so_and_makes_another_group(train: Train) -> None:
    train("--seeds", "2")
    result = train("--seeds", "2", "--resume")
    assert result.stderr.count("nothing to resume") == 1
    assert "legal@4" in result.stdout


def test_a_seed_beyond_the_range_is_refused_before_the_first_is_trained(train: Train, home: Path) -> None:
    result = train("--seeds", "2", "--seed", str(2**32 - 1))
    assert result.exit_code == 1
    assert f"seed is {2**32}" in result.stderr
    assert open_registry(home).entries() == []


def test_fewer_than_one_seed_is_wrong_usage(train: Train) -> None:
    assert train("--seeds", "0").exit_code == 2


def test_a_dry_run_tells_the_seeds_and_writes_nothing(train: Train, home: Path) -> None:
    assert "seeds     0 to 2: 3 times" in train("--seeds", "3", "--dry-run").stdout
    assert json.loads(train("--seeds", "3", "--dry-run", "--json").stdout)["seeds"] == [0, 1, 2]
    assert not home.exists()


def test_a_group_is_found_again_by_what_it_is(tmp_path: Path) -> None:
    group = open_group(tmp_path, "legal", "run", 3, resume=False).group
    assert open_group(tmp_path, "legal", "run", 3, resume=True).group == group
    for name, run, of in (("other", "run", 3), ("legal", "other", 3), ("legal", "run", 2)):
        assert not open_group(tmp_path, name, run, of, resume=True).was_interrupted
    assert open_group(tmp_path, "legal", "run", 3, resume=False).group != group


def test_a_damaged_record_of_a_group_is_one_clear_line(tmp_path: Path) -> None:
    open_group(tmp_path, "legal", "run", 3, resume=False).path.write_text("{")
    with pytest.raises(TrainingError, match=r"seeds-.*is damaged.*start afresh without --resume"):
        open_group(tmp_path, "legal", "run", 3, resume=True)


# Benched


def bench(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["bench", *map(str, arguments)])


def test_members_of_one_group_are_benched_with_mean_and_spread(train: Train, home: Path, toy_folder: Path) -> None:
    train("--seeds", "3")
    train()
    references = [f"legal@{version}" for version in (1, 2, 4)]
    told = json.loads(bench(*references, "--data", toy_folder, "--registry", home, "--json").stdout)
    (group,) = told["seed_groups"]
    assert (group["of"], group["members"]) == (3, ["legal@1", "legal@2"])
    scores = [score["metrics"]["nDCG@10"] for score in told["scores"] if score["reference"] in group["members"]]
    (spread,) = group["tasks"]
    assert spread["metric"] == "nDCG@10"
    assert (spread["mean"], spread["deviation"]) == pytest.approx((statistics.fmean(scores), statistics.stdev(scores)))
    text = bench(*references, "--data", toy_folder, "--registry", home).stdout
    (line,) = [line for line in text.splitlines() if "mean of 2 of 3 seeds" in line]
    assert f"{statistics.fmean(scores):.4f}   ± {statistics.stdev(scores):.4f}" in line


def test_a_merge_is_benched_with_the_gain_that_it_keeps_of_each_parent(train: Train, home: Path, toy_folder: Path, tmp_path: Path) -> None:
    longer = ("--set", "epochs=4", "--set", "rank=4")
    train(*longer)
    train(*longer, "--domain", "medical", "--seed", "1")
    merged = CliRunner().invoke(main, ["merge", "legal@1", "medical@1", "--name", "both", "--registry", str(home)])
    assert merged.exit_code == 0, merged.output
    data = [part for name in ("legal-toy", "medical-toy") for part in ("--data", shutil.copytree(toy_folder, tmp_path / name))]
    ran = bench("legal@1", "medical@1", "both@1", *data, "--registry", home, "--json")
    told = json.loads(ran.stdout)
    assert "error" not in told, told
    assert [(task["name"], task["domain"]) for task in told["tasks"]] == [("legal-toy", "legal"), ("medical-toy", "medical")]
    kept = next(each for each in told["summary"] if each["reference"] == "both@1")["gain_kept"]
    assert [(each["parent"], each["tasks"]) for each in kept] == [("legal@1", ["legal-toy"]), ("medical@1", ["medical-toy"])]
    main_of = {(score["task"], score["reference"]): score["metrics"]["nDCG@10"] for score in told["scores"]}
    gain = main_of["legal-toy", "legal@1"] - main_of["legal-toy", "base"]
    assert kept[0]["parent_gain"] == pytest.approx(gain, abs=2e-5)  # mteb rounds what it averages
    own = main_of["legal-toy", "both@1"] - main_of["legal-toy", "base"]
    assert kept[0]["share"] == pytest.approx(own / gain, rel=1e-2)
    assert kept[0]["low"] < kept[0]["share"] < kept[0]["high"]
