"""Trainings with losses that read more than which passage answers which query: from the data to a registered version."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from adapt_embed.adapters import Checkpoint, TrainConfig, TrainResult, run_id, train_adapter
from adapt_embed.adapters.batches import Batches
from adapt_embed.adapters.corpus.open import open_corpus
from adapt_embed.adapters.others import open_others
from adapt_embed.adapters.sides.open import open_side
from adapt_embed.adapters.strategies.table import open_strategy, put_in
from adapt_embed.base import Base, load_base, resolve_base
from adapt_embed.cli import main
from adapt_embed.data.pairs import TrainingData
from adapt_embed.events import Step
from adapt_embed.registry import open_registry
from click.testing import CliRunner, Result

Train = Callable[..., Result]


@pytest.fixture
def lines(toy_data: TrainingData, tmp_path: Path) -> Callable[..., Path]:
    """Write the toy data's training pairs as lines, each with a negative and, where asked for, a teacher's scores."""

    def write(*, scores: bool) -> Path:
        passages, rows = sorted(toy_data.corpus), []
        for number, (qid, text) in enumerate(toy_data.train.queries.items()):
            positive = sorted(toy_data.train.positives[qid])
            negative = next(pid for pid in passages[number % len(passages) :] + passages if pid not in positive)
            row: dict[str, object] = {
                "query": text,
                "pos": [toy_data.corpus[pid] for pid in positive],
                "neg": [toy_data.corpus[negative]],
            }
            rows.append(row | ({"pos_scores": [0.9, 0.7], "neg_scores": [0.1]} if scores else {}))
        path = tmp_path / "lines.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return write


@pytest.fixture
def train(tiny_base: Path, home: Path) -> Train:
    """Run `adapt train` on the tiny base with a few settings."""
    quick = ["epochs=3", "batch_size=16", "learning_rate=1e-2", "rank=4", "max_tokens=16"]

    def run(data: Path, *settings: str, more: tuple[str, ...] = ()) -> Result:
        given = {"--domain": "legal", "--data": data, "--base": tiny_base, "--dtype": "fp32", "--registry": home}
        options = [str(part) for option in given.items() for part in option]
        return CliRunner().invoke(main, ["train", *options, *(part for each in (*quick, *settings) for part in ("--set", each)), *more])

    return run


def losses_of(result: Result) -> list[float]:
    assert result.exit_code == 0, result.output
    losses: list[float] = json.loads(result.stdout)["losses"]
    return losses


def falls(losses: list[float]) -> bool:
    return sum(losses[-4:]) < sum(losses[:4])


@pytest.mark.parametrize("loss", ["triplet", "margin_mse", "distil"])
def test_a_loss_trains_a_version_from_lines(train: Train, lines: Callable[..., Path], home: Path, loss: str) -> None:
    assert falls(losses_of(train(lines(scores=True), f"loss={loss}", more=("--json",))))
    (entry,) = open_registry(home).entries()
    assert entry.config["loss"] == loss


@pytest.mark.parametrize(
    ("name", "rows", "loss"),
    [
        (
            "scored.tsv",
            ["score\tsentence1\tsentence2", "5\tthe court\tlaw law", "0\tthe river\tlaw often", "3\t法院 judge\tlaw 法律"],
            "cosent",
        ),
        (
            "labelled.tsv",
            ["label\tsentence1\tsentence2", "1\tthe court\tlaw law", "0\tthe river\tlaw often", "0\tmusic\tking"],
            "contrastive",
        ),
        ("classes.tsv", ["label\ttext", "a\tthe court", "a\tlaw", "b\tmusic", "b\tsong", "b\tbook", "a\tjudge"], "triplet_hard"),
    ],
)
@pytest.mark.parametrize("side", ["both", "query"])
def test_a_table_that_judges_texts_trains_a_version(train: Train, tmp_path: Path, name: str, rows: list[str], loss: str, side: str) -> None:
    path = tmp_path / name
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    losses = losses_of(train(path, f"loss={loss}", "batch_size=8", "epochs=8", more=("--json", "--side", side)))
    assert len(losses) == 8
    assert losses[-1] < losses[0]


def test_dimensions_of_a_loss_are_trained(train: Train, lines: Callable[..., Path]) -> None:
    losses = losses_of(train(lines(scores=False), "dims=32,8", "epochs=2", more=("--json",)))
    assert falls(losses)
    assert losses[0] > losses_of(train(lines(scores=False), "epochs=2", more=("--json",)))[0]


def test_batches_of_one_source_train_on_two(train: Train, lines: Callable[..., Path], tmp_path: Path) -> None:
    data, other = lines(scores=False), tmp_path / "other.tsv"
    other.write_text("anchor\tpositive\n" + "".join(f"other {number}\tanswer {number}\n" for number in range(16)), encoding="utf-8")
    one_source = ("one_source=true", "source_weights=4,1", "epochs=1", "batch_size=16")
    assert len(losses_of(train(data, *one_source, more=("--data", str(other), "--json")))) == 4
    refused = train(data, "one_source=true")
    assert "one_source is for data of several sources, and these are of one" in refused.stderr


def test_a_plan_with_a_guide_and_an_anchor_trains_nothing(train: Train, lines: Callable[..., Path], home: Path) -> None:
    more = ("--dry-run", "--json")
    result = train(lines(scores=False), "loss=gist", "loss.guide=base", "anchor=0.1", more=more)
    assert result.exit_code == 0, result.output
    plan = json.loads(result.stdout)
    assert plan["config"]["guide"] == "base"
    assert plan["seconds"] > 0
    assert not home.exists() or not open_registry(home).entries()


def test_a_run_is_named_by_its_guide_and_its_general_texts(loaded_tiny_base: Base, toy_data: TrainingData) -> None:
    names = {
        run_id(TrainConfig(anchor=share), loaded_tiny_base, toy_data, None, *more)
        for share, *more in ((0.0,), (0.1,), (0.1, "a"), (0.1, "b"))
    }
    assert len(names) == 4


def test_the_anchor_holds_vectors_to_the_base_and_resumes(tiny_base: Path, toy_data: TrainingData, tmp_path: Path) -> None:
    config = TrainConfig(anchor=5.0, epochs=1, batch_size=16, rank=2, max_tokens=16, learning_rate=1e-2, precision="fp32")

    def run(config: TrainConfig, folder: Path | None = None, **more: object) -> TrainResult:
        checkpoint = Checkpoint(folder, every_s=0) if folder else None
        return train_adapter(load_base(resolve_base(str(tiny_base))), toy_data, config, checkpoint=checkpoint, **more)  # type: ignore[arg-type]

    def stop(at: Step) -> None:
        if at.step == 2:
            raise SystemExit

    expected, free = run(config), run(replace(config, anchor=0.0))

    def size(result: TrainResult) -> float:
        return float(sum(module.delta().norm() for module in result.factors.values()))

    assert size(expected) < size(free)
    with pytest.raises(SystemExit):
        run(config, tmp_path, on_step=stop)
    assert run(config, tmp_path, resume=True).losses == expected.losses


def test_a_guide_is_opened_and_hides_negatives(train: Train, lines: Callable[..., Path], second_base: Path) -> None:
    data = lines(scores=False)
    losses = [
        losses_of(train(data, "loss=gist", f"loss.guide={guide}", f"loss.margin={margin}", "epochs=1", more=("--json",)))[0]
        for guide, margin in (("base", 0), (f"base:{second_base}", 0), ("base", 1))
    ]
    assert len(set(losses)) == 3
    assert losses[2] < losses[0]  # fewer negatives


@pytest.mark.parametrize("loss", ["distil", "triplet_semi_hard"])
def test_queries_alone_learn_with_stored_passages(train: Train, lines: Callable[..., Path], loss: str) -> None:
    losses = losses_of(train(lines(scores=True), f"loss={loss}", more=("--side", "query", "--json")))
    assert falls(losses)


def test_the_anchor_loss_holds_vectors_near_the_base(train: Train, lines: Callable[..., Path], tmp_path: Path) -> None:
    general = tmp_path / "general.txt"
    general.write_text("the river is long\nmusic and books\n\n", encoding="utf-8")
    data = lines(scores=False)
    plain, anchored, on_general = (
        losses_of(train(data, *settings, more=("--json",))) for settings in ((), ("anchor=10",), ("anchor=10", f"anchor_texts={general}"))
    )
    assert plain[0] == pytest.approx(anchored[0], abs=1e-5) == pytest.approx(on_general[0], abs=1e-5)  # nothing has moved yet
    assert len({plain[-1], anchored[-1], on_general[-1]}) == 3


def test_equal_scores_are_refused_to_a_loss_that_orders_pairs_by_them(train: Train, tmp_path: Path) -> None:
    path = tmp_path / "scored.csv"
    path.write_text("sentence1,sentence2,score\n" + "".join(f"text {n},other {n},3\n" for n in range(40)), encoding="utf-8")
    result = train(path, "loss=cosent")
    assert result.exit_code == 1
    assert "all scores are 3, and the loss cosent learns from which of two pairs has the higher one" in result.stderr


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("loss=gist",), "the loss gist needs a guide; name one"),
        (("loss=gist", "loss.guide=legal@7"), "legal"),
        (("loss=gist", "loss.guide=base:"), "the guide 'base:' names nothing"),
        (("loss.guide=base",), "the loss infonce does not read guide"),
        (("loss=cosent",), "the loss cosent needs scores, which the data do not state; give each pair a score"),
        (("anchor=0.1", "anchor_texts=nowhere.txt"), "nowhere.txt cannot be read"),
        (("anchor_texts=nowhere.txt",), "anchor_texts is what the anchor loss is of; add"),
        (("dims=64,16",), "dims holds 64, and the base's vectors have 32 numbers"),
        (("dims=16,16",), "dims is 16,16; expected different whole numbers"),
        (("dims=16", "dim_weights=1,2"), "dim_weights holds 2 numbers and dims 1"),
        (("side=query", "dims=16"), "dims has no form against the whole corpus"),
        (("side=query", "loss=symmetric_infonce"), "has no form for queries alone"),
        (("loss=triplet", "distance=manhattan"), "unknown distance 'manhattan'"),
        (("loss=triplet", "margin=-1"), "margin is -1"),
    ],
)
def test_what_does_not_fit_together_is_refused_before_the_base_is_loaded(
    train: Train, lines: Callable[..., Path], settings: tuple[str, ...], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(*_: object, **__: object) -> None:
        raise AssertionError("the base is loaded")

    monkeypatch.setattr("adapt_embed.base.load.load_base", load)
    result = train(lines(scores=False), *settings)
    assert result.exit_code in (1, 2)
    assert message in result.stderr
    assert len([line for line in result.stderr.splitlines() if line.startswith("Error")]) == 1


@pytest.mark.parametrize("settings", [("loss=triplet_semi_hard",), ("loss=gist", "loss.guide=base")])
def test_the_anchor_loss_holds_queries_alone_beside_a_loss_over_batches(
    train: Train, lines: Callable[..., Path], settings: tuple[str, ...]
) -> None:
    data = lines(scores=False)
    free, held = (losses_of(train(data, *settings, *more, "epochs=1", more=("--side", "query", "--json"))) for more in ((), ("anchor=10",)))
    assert held[0] == pytest.approx(free[0], abs=1e-5)  # nothing has moved yet
    assert held[-1] != free[-1]


def test_the_anchor_loss_weighs_the_same_beside_the_whole_corpus(loaded_tiny_base: Base, toy_data: TrainingData) -> None:
    quick = TrainConfig(batch_size=16, rank=2, max_tokens=16, precision="fp32")

    def loss(anchor: float, corpus: float) -> float:
        config = replace(quick, anchor=anchor, corpus=corpus)
        stored = open_corpus(loaded_tiny_base, toy_data, config)
        objective = open_side(Batches(toy_data.train, toy_data.corpus, config), config, stored, open_others(loaded_tiny_base, config, None))
        objective.others.learn(objective.batches.all_texts())
        draw = torch.Generator().manual_seed(0)
        with put_in(open_strategy(config), loaded_tiny_base) as parameters:
            for parameter in parameters:
                parameter.data.normal_(generator=draw)
            return objective.accumulate(loaded_tiny_base, 0, 0).loss

    alone = loss(5, 0) - loss(0, 0)
    assert alone > 0.01
    assert loss(5, 0.5) - loss(0, 0.5) == pytest.approx(alone, rel=1e-4)


SINGLE = {
    "labelled.tsv": ("label\tsentence1\tsentence2", "1\tthe court\tlaw law", "0\tthe river\tlaw often"),
    "scored.tsv": ("score\tsentence1\tsentence2", "5\tthe court\tlaw law", "0\tthe river\tlaw often"),
    "no-answers.tsv": ("label\tsentence1\tsentence2", "0\tthe court\tlaw law", "0\tthe river\tlaw often"),
}


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("labelled.tsv", ("loss=triplet",), "the loss triplet learns from queries that have both a positive and a negative"),
        (
            "labelled.tsv",
            ("in_batch_negatives=false",),
            "the loss infonce with in_batch_negatives=false learns from queries that have both",
        ),
        ("scored.tsv", ("loss=margin_mse",), "the loss margin_mse learns from queries that have a positive and a negative with a score"),
        ("scored.tsv", ("loss=distil",), "the loss distil learns from queries that have two passages with a score"),
        ("no-answers.tsv", (), "the loss infonce learns from queries that have a positive"),
        ("labelled.tsv", ("loss=contrastive", "negatives_per_query=0"), "negatives_per_query=0 leaves out the given negatives"),
    ],
)
def test_data_of_which_a_loss_would_learn_nothing_are_refused(
    train: Train, tmp_path: Path, name: str, settings: tuple[str, ...], message: str
) -> None:
    path = tmp_path / name
    path.write_text("\n".join(SINGLE[name]) + "\n", encoding="utf-8")
    result = train(path, *settings)
    assert result.exit_code in (1, 2)
    assert message in result.stderr
