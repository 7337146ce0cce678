"""One adapter has one dev score: that of training, of the registry, of the search for merge weights, and of its curve's ends."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from adapt_embed.adapters import TrainConfig
from adapt_embed.cli import main
from adapt_embed.data import dev_set
from adapt_embed.registry import open_registry
from click.testing import CliRunner, Result

SETTINGS = ("epochs=2", "batch_size=16", "learning_rate=1e-2", "temperature=0.05", "rank=2")


def adapt(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def adapt_json(*arguments: object) -> dict:
    ran = adapt(*arguments, "--json")
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.stdout)


def train(data: Path, base: Path, name: str, *more: object, settings: tuple[str, ...] = SETTINGS) -> dict:
    options = [part for setting in settings for part in ("--set", setting)]
    return adapt_json("train", "--domain", "legal", "--data", data, "--base", base, "--name", name, *options, *more)["dev"]


def search(data: Path, *inputs: str, options: tuple[object, ...] = ()) -> dict:
    return adapt_json("merge", *inputs, "--search", data, "--evaluations", 2, "--curve-steps", 2, "--name", "both", *options)["search"]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Pairs without a dev split, in a file: of the 240 queries some are held out."""
    rows = [{"anchor": f"who {n % 7} rents the {n}", "positive": f"the tenant {n} of house {n % 11}"} for n in range(240)]
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("source", ["folder", "table"])
def test_training_registry_search_and_curve_tell_one_number(
    request: pytest.FixtureRequest, tiny_base: Path, monkeypatch: pytest.MonkeyPatch, precision: str, source: str
) -> None:
    monkeypatch.setattr(dev_set, "MAX_DISTRACTORS", 12)  # so that passages are drawn
    data = request.getfixturevalue("toy_folder" if source == "folder" else "table")
    dtype = ("--dtype", precision)
    scores = [train(data, tiny_base, "a", *dtype), train(data, tiny_base, "b", *dtype, "--seed", 7)]
    assert [asdict(open_registry().find_reference(f"{name}@1").dev) for name in "ab"] == scores
    assert train(data, tiny_base, "a", *dtype) == scores[0]
    told = search(data, "a@1", "b@1", options=("--seed", 3))  # at the precision and length of training, whatever the seeds
    (domain,) = told["domains"].values()
    assert domain["base"] == scores[0]["before"] == scores[1]["before"]
    assert domain["parents"] == [score["after"] for score in scores]
    ends = [point["measurement"]["ndcg"][next(iter(told["domains"]))] for point in told["curve"]["lines"][0]["points"]]
    assert ends == domain["parents"][::-1]


def test_a_length_other_than_that_of_training_is_told(toy_folder: Path, tiny_base: Path) -> None:
    short = train(toy_folder, tiny_base, "a", settings=(*SETTINGS, "max_tokens=8"))
    train(toy_folder, tiny_base, "b", "--seed", 1, settings=(*SETTINGS, "max_tokens=8"))
    (domain,) = search(toy_folder, "a", "b")["domains"].values()
    assert domain["parents"][0] == short["after"]
    ran = adapt("merge", "a", "b", "--search", toy_folder, "--evaluations", 1, "--curve-steps", 0, "--max-tokens", 16)
    assert "texts of at most 16 tokens" in ran.stderr
    assert "note: a@1 was scored in training on texts of at most 8 tokens, and is scored here on at most 16" in ran.stderr


def test_the_length_of_training_is_that_of_dev_scores() -> None:
    assert TrainConfig().max_tokens == dev_set.MAX_TOKENS


def test_a_search_that_ends_below_an_input_says_so(toy_folder: Path, tiny_base: Path) -> None:
    score = train(toy_folder, tiny_base, "good", settings=(*SETTINGS, "epochs=6"))
    train(toy_folder, tiny_base, "other", settings=(*SETTINGS[1:], "epochs=1", "targets=query"))
    ran = adapt(
        "merge", "good", "other", "--search", toy_folder, "--evaluations", 1, "--weights", "0.05,0.05", "--curve-steps", 0, "--json"
    )
    told = json.loads(ran.stdout)["search"]
    (domain,) = told["domains"].values()
    assert domain["merged"] < score["after"]
    assert told["better_alone"][0] == "good@1"
    assert "warning: on dev the merge is worse than good@1" in ran.stderr
    assert "Use good@1 unmerged, or raise --evaluations" in ran.stderr
    assert f"scores {domain['merged']:.4f}, less than good@1 alone ({score['after']:.4f})" in ran.stderr
    entry = open_registry().find_reference("good-other@1")
    kept = json.loads((open_registry().folder(entry) / "search.json").read_text())
    assert (kept["better_alone"], kept["shortfalls"]) == (told["better_alone"], told["shortfalls"])
    assert entry.config["search"]["better_alone"] == told["better_alone"]


@pytest.mark.shared
def test_one_number_on_real_weights(shared: Path) -> None:
    base, settings = shared / "bases/bge-small-en-v1.5", ("epochs=1", "rank=4", "max_tokens=64")
    scores = {}
    for domain in ("legal", "medical"):
        options = [part for setting in settings for part in ("--set", setting)]
        told = adapt_json("train", "--domain", domain, "--data", "sample", "--base", base, "--train-queries", 32, *options)
        scores[domain] = told["dev"]["after"]
    told = adapt_json("merge", "legal", "medical", "--search", "legal,medical", "--evaluations", 1, "--curve-steps", 2)["search"]
    assert [told["domains"][domain]["parents"][row] for row, domain in enumerate(scores)] == list(scores.values())
    low, high = (point["measurement"]["ndcg"] for point in told["curve"]["lines"][0]["points"])
    assert (high["legal"], low["medical"]) == (scores["legal"], scores["medical"])
