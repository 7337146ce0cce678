"""What a run is scored on: dev sets of each kind, the metric that states are chosen by, and general ability beside them."""

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from adapt_embed.adapters import Checkpoint, TrainConfig, TrainResult, train_adapter
from adapt_embed.adapters.dev_overlap import check_dev_sets
from adapt_embed.adapters.evaluation import Evaluation
from adapt_embed.adapters.job import TrainRequest
from adapt_embed.adapters.loop import RunState
from adapt_embed.adapters.watch import Watch, WatchedSet, keep_documents, watch_own
from adapt_embed.base import Base
from adapt_embed.data.dev_files import DevReading, kind_of, read_dev_set, read_general
from adapt_embed.data.dev_labels import DevClasses, DevPairs
from adapt_embed.data.dev_set import DevSet
from adapt_embed.data.pairs import TrainingData
from adapt_embed.data.training_texts import sketch_texts
from adapt_embed.encoders import LoraEncoder
from adapt_embed.errors import DataError, RequestError
from adapt_embed.lora import factors_sha256
from adapt_embed.metric_names import DevKind
from adapt_embed.registry import open_registry

READING = DevReading(language="en")
QUICK = {"epochs": 2, "batch_size": 16, "learning_rate": 1e-2, "temperature": 0.05, "rank": 2, "max_tokens": 16, "precision": "fp32"}


def quick(**settings: object) -> TrainConfig:
    return TrainConfig(**(QUICK | settings))  # type: ignore[arg-type]


def table(path: Path, heading: Sequence[str], *rows: Sequence[object]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join("\t".join(map(str, row)) + "\n" for row in (heading, *rows)), encoding="utf-8")
    return path


SCORED = ("score", "sentence1", "sentence2"), (5, "the court", "the judge"), (1, "a river", "the rent"), (3, "合同", "合同法")
LABELLED = ("sentence1", "sentence2", "label"), ("the court", "the judge", 1), ("a river", "the rent", 0), ("合同", "合同法", 1)
CLASSES = (
    ("text", "label", "split"),
    ("the court", "law", "train"), ("the judge", "law", "train"), ("a river", "nature", "train"), ("the sea", "nature", "train"),
    ("the law", "law", "dev"), ("a tree", "nature", "dev"), ("a secret", "law", "test"),
)  # fmt: skip
PAIRS = ("anchor", "positive"), ("court 合同", "law again"), ("rent 租金", "house great")


@pytest.fixture
def sets(tmp_path: Path) -> dict[str, Path]:
    """A file of each kind, and general sentence pairs."""
    table(tmp_path / "general" / "en-dev.tsv", *SCORED)
    return {
        "scored": table(tmp_path / "scored.tsv", *SCORED),
        "labelled": table(tmp_path / "labelled.tsv", *LABELLED),
        "classes": table(tmp_path / "classes.tsv", *CLASSES),
        "pairs": table(tmp_path / "pairs.tsv", *PAIRS),
        "general": tmp_path / "general",
    }


def read(path: Path, **reading: object) -> DevSet | DevPairs | DevClasses:
    return read_dev_set(path, dataclasses.replace(READING, **reading))


# Kinds


@pytest.mark.parametrize(
    ("name", "kind", "metric"),
    [
        ("scored", "scored pairs", "Spearman"),
        ("labelled", "labelled pairs", "AP"),
        ("classes", "classes", "Accuracy"),
        ("pairs", "retrieval", "nDCG@10"),
    ],
)
def test_a_file_is_recognised_by_its_heading(sets: dict[str, Path], name: str, kind: DevKind, metric: str) -> None:
    assert kind_of(sets[name], "en") == kind
    assert str(read(sets[name]).metric) == metric


def test_a_folder_is_recognised_by_what_is_in_it(sets: dict[str, Path], toy_folder: Path, tmp_path: Path) -> None:
    assert kind_of(toy_folder, "en") == "retrieval"
    assert kind_of(sets["general"], "en") == "scored pairs"
    lines = tmp_path / "lines"
    lines.mkdir()
    (lines / "dev.jsonl").write_text('{"query": "rent", "pos": ["house"], "neg": []}\n', encoding="utf-8")
    assert kind_of(lines, "en") == "retrieval"
    found = read(lines)
    assert isinstance(found, DevSet)
    assert list(found.queries.values()) == ["rent"]


def test_a_dev_split_alone_is_read_of_a_folder(toy_folder: Path) -> None:
    found = read(toy_folder, metric="R@3")
    assert isinstance(found, DevSet)
    assert len(found.queries) == 16
    assert str(found.metric) == "R@3"


def test_of_classes_the_test_rows_are_not_read(sets: dict[str, Path]) -> None:
    found = read(sets["classes"])
    assert isinstance(found, DevClasses)
    assert (len(found.train), list(found.dev_labels)) == (4, ["law", "nature"])
    assert not any("secret" in text for texts in found.texts().values() for text in texts)


def test_each_kind_is_scored_by_vectors(sets: dict[str, Path], loaded_tiny_base: Base) -> None:
    encoder = LoraEncoder(loaded_tiny_base, precision="fp32", max_tokens=16)

    def cosines(pairs: DevPairs) -> np.ndarray:
        first, second = (encoder.encode([*side]).vectors for side in (pairs.first, pairs.second))
        return (first * second).sum(axis=1)

    scored, labelled, classes = (read(sets[name]) for name in ("scored", "labelled", "classes"))
    assert isinstance(scored, DevPairs)
    assert isinstance(labelled, DevPairs)
    ranks = [np.argsort(np.argsort(values)) for values in (cosines(scored), np.array(scored.targets))]
    assert scored.score(encoder) == pytest.approx(np.corrcoef(*ranks)[0, 1])
    order = np.argsort(-cosines(labelled))
    hits = np.array(labelled.targets)[order]
    assert labelled.score(encoder) == pytest.approx(float((hits * np.cumsum(hits) / np.arange(1, 4)).sum() / hits.sum()))
    assert classes.score(encoder) in (0.0, 0.5, 1.0)
    perfect = dataclasses.replace(classes, dev=classes.train, dev_labels=classes.train_labels)  # type: ignore[arg-type]
    assert perfect.score(encoder) == 1.0


@pytest.mark.parametrize(
    ("heading", "rows", "message"),
    [
        (("what", "ever"), [("a", "b")], "anchor"),
        (SCORED[0], [(1, "a", "b"), (1, "c", "d")], "all 2 pairs have the score 1.0; two are needed"),
        (LABELLED[0], [("a", "b", 1)], "all 1 pairs have the label 1; two are needed"),
        (LABELLED[0], [("a", "b", 2)], "expected 0 or 1 under 'label'"),
        (CLASSES[0], [("a", "x", "train"), ("b", "y", "dev")], "the label 'y' stands in the dev split alone"),
        (CLASSES[0], [("a", "x", "train"), ("b", "x", "dev")], "all texts of the dev split have the label 'x'; two are needed"),
        (CLASSES[0], [("a", "x", "train")], "has no row with 'dev' in the column split"),
        (("text", "label"), [("a", "x")], "has no column split; classes are learned from rows with train there"),
    ],
)
def test_a_file_that_cannot_be_scored_is_refused_by_name(tmp_path: Path, heading: Sequence[str], rows: list, message: str) -> None:
    path = table(tmp_path / "set.tsv", heading, *rows)
    with pytest.raises(DataError, match=message) as caught:
        read(path)
    assert "set.tsv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_not_there_or_has_no_dev_split_is_refused(sets: dict[str, Path], toy_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"the dev set .*scored\.tvs does not exist\. Did you mean scored\.tsv"):
        kind_of(tmp_path / "scored.tvs", "en")
    (tmp_path / "beir" / "qrels").mkdir(parents=True)
    (tmp_path / "beir" / "qrels" / "train.tsv").touch()
    with pytest.raises(DataError, match="has no dev split; splits here: train"):
        kind_of(tmp_path / "beir", "en")
    with pytest.raises(DataError, match=r"zh-dev\.tsv does not exist; there are en-dev\.tsv"):
        read_general(sets["general"], "zh", "document")


@pytest.mark.parametrize("name", ["test.tsv", "en-test.tsv", "zh-test.tsv"])
def test_a_test_split_is_not_opened(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"test\.tsv is a test split, which is kept for adapt bench"):
        kind_of(table(tmp_path / name, *SCORED), "en")


# Runs


def watch_of(sets: dict[str, Path], main: str, *others: str, general: bool = False) -> Watch:
    watched = [WatchedSet(name=name, dev=read(sets[name])) for name in (main, *others)]
    return Watch(main=watched[0], others=tuple(watched[1:]), general=read_general(sets["general"], "en", "document") if general else None)


def test_the_main_set_chooses_and_the_others_are_scored_beside_it(
    loaded_tiny_base: Base, toy_data: TrainingData, sets: dict[str, Path]
) -> None:
    watch = watch_of(sets, "scored", "classes", "labelled", general=True)
    told: list[dict[str, float]] = []
    result = train_adapter(
        loaded_tiny_base, toy_data, quick(), watch=watch, on_step=lambda at: told.append({at.metric: at.dev, **at.beside})
    )  # type: ignore[dict-item]
    assert result.metric == "Spearman"
    assert [each.step for each in result.evaluations] == [0, 4, 8]
    assert all(each.others.keys() == {"classes Accuracy", "labelled AP"} for each in result.evaluations)
    encoder = LoraEncoder(loaded_tiny_base, precision="fp32", max_tokens=16)
    first = result.evaluations[0]
    assert first.score == first.general == watch.main.dev.score(encoder)
    assert told[-1].keys() == {"Spearman", "classes Accuracy", "labelled AP", "general Spearman"}


def test_the_metric_that_is_asked_for_chooses(loaded_tiny_base: Base, toy_data: TrainingData) -> None:
    results = {metric: train_adapter(loaded_tiny_base, toy_data, quick(epochs=1, metric=metric)) for metric in (None, "Success@1")}
    assert [result.metric for result in results.values()] == ["nDCG@10", "Success@1"]
    assert results[None].before != results["Success@1"].before
    assert (results["Success@1"].before * 16) % 1 == 0  # type: ignore[operator]


def test_the_data_s_own_dev_split_is_scored_as_ever_beside_general_ability(
    loaded_tiny_base: Base, toy_data: TrainingData, sets: dict[str, Path]
) -> None:
    own = watch_own(toy_data, quick())
    assert own is not None
    plain = train_adapter(loaded_tiny_base, toy_data, quick())
    watched = train_adapter(
        loaded_tiny_base, toy_data, quick(), watch=dataclasses.replace(own, general=read_general(sets["general"], "en", "document"))
    )
    assert [each.score for each in plain.evaluations] == [each.score for each in watched.evaluations]
    assert factors_sha256(plain.factors) == factors_sha256(watched.factors)
    assert all(each.general is not None for each in watched.evaluations)


def evaluations(*scores: tuple[float, float]) -> list[Evaluation]:
    return [Evaluation(step=4 * number, score=score, general=general) for number, (score, general) in enumerate(scores)]


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Scores and general ability that are given beforehand."""

    def give(*scores: tuple[float, float]) -> None:
        coming = iter(evaluations(*scores))
        monkeypatch.setattr(Watch, "evaluate", lambda self, step, *_: dataclasses.replace(next(coming), step=step))

    return give


def test_a_run_stops_where_general_ability_falls_by_more_than_is_allowed(
    loaded_tiny_base: Base, toy_data: TrainingData, scripted: Callable[..., None]
) -> None:
    scripted((0.1, 0.80), (0.2, 0.795), (0.3, 0.791), (0.9, 0.789), (1.0, 0.8))
    result = train_adapter(loaded_tiny_base, toy_data, quick(epochs=5, max_general_loss=0.01))
    assert (result.steps, result.stopped_early, result.after, result.best.step) == (12, True, 0.3, 8)  # type: ignore[union-attr]


def test_without_a_bound_general_ability_stops_nothing(
    loaded_tiny_base: Base, toy_data: TrainingData, scripted: Callable[..., None]
) -> None:
    scripted((0.1, 0.8), (0.2, 0.5), (0.3, 0.1))
    result = train_adapter(loaded_tiny_base, toy_data, quick())
    assert (result.steps, result.stopped_early, result.after) == (8, False, 0.3)


def test_where_every_state_fell_too_far_the_one_of_the_highest_ability_is_best() -> None:
    fallen = [dataclasses.replace(each, fell=each.step > 0) for each in evaluations((0.1, 0.8), (0.3, 0.5), (0.2, 0.6))]
    assert RunState(evaluations=fallen).best == fallen[2]


class Killed(BaseException):
    """Stands for a kill."""


def test_a_killed_run_ends_as_the_uninterrupted_one(
    loaded_tiny_base: Base, toy_data: TrainingData, sets: dict[str, Path], tmp_path: Path
) -> None:
    watch = watch_of(sets, "pairs", "scored", general=True)

    def run(folder: Path | None, **options: object) -> TrainResult:
        checkpoint = Checkpoint(folder, every_s=0.0) if folder else None
        config = quick(max_general_loss=2.0)
        return train_adapter(loaded_tiny_base, toy_data, config, checkpoint=checkpoint, watch=watch, **options)  # type: ignore[arg-type]

    def kill(step: object) -> None:
        if step.step == 6:  # type: ignore[attr-defined]
            raise Killed

    with pytest.raises(Killed):
        run(tmp_path / "run", on_step=kill)
    resumed, whole = run(tmp_path / "run", resume=True), run(None)
    assert resumed.evaluations == whole.evaluations
    assert factors_sha256(resumed.factors) == factors_sha256(whole.factors)


def test_where_queries_alone_are_adapted_documents_have_the_base_s_vectors(
    loaded_tiny_base: Base, toy_data: TrainingData, sets: dict[str, Path]
) -> None:
    config = quick(side="query")
    general = read_general(sets["general"], "en", "query")
    watch = Watch(main=WatchedSet(name="pairs", dev=read(sets["pairs"])), general=general)
    kept = keep_documents(watch, loaded_tiny_base, config)
    assert kept is not None
    assert kept.documents is not None
    result = train_adapter(loaded_tiny_base, toy_data, config, watch=watch)
    base = LoraEncoder(loaded_tiny_base, precision="fp32", max_tokens=16)
    assert (result.before, result.evaluations[0].general) == (watch.main.dev.score(base), general.score(base))
    trained = LoraEncoder(loaded_tiny_base, result.factors, document_factors={}, precision="fp32", max_tokens=16)
    assert result.best is not None
    assert result.best.general == pytest.approx(general.score(trained), abs=1e-6)


def test_a_watch_s_content_is_all_that_scores_depend_on(toy_data: TrainingData, sets: dict[str, Path]) -> None:
    own = watch_own(toy_data, quick())
    assert own is not None
    assert own.content() is None
    watches = [
        watch_of(sets, "scored"),
        watch_of(sets, "scored", general=True),
        watch_of(sets, "scored", "pairs"),
        watch_of(sets, "pairs", "scored"),
        dataclasses.replace(own, general=read_general(sets["general"], "en", "document")),
    ]
    assert len({each.content() for each in watches}) == len(watches)
    assert watch_of(sets, "scored", "pairs").content() == watches[2].content()


def test_the_searches_that_states_were_chosen_by_are_found_again_as_seen(toy_data: TrainingData, sets: dict[str, Path]) -> None:
    without, with_dev = (sketch_texts(toy_data, chosen_by) for chosen_by in ((), watch_of(sets, "scored", "pairs").searches))
    assert len(with_dev.queries) == len(without.queries) + 2
    assert len(with_dev.pairs) == len(without.pairs) + 2


# The request and the command


@pytest.mark.parametrize(
    ("config", "request_", "message"),
    [
        (
            {"max_general_loss": 0.01},
            {},
            "max_general_loss is of general ability, which is not watched; name sentence pairs with --general",
        ),
        ({"main_dev": "a"}, {}, "main_dev is 'a'; expected the name of a dev set. Known: none is given with --dev"),
        ({"main_dev": "on"}, {"dev": ["one.tsv", "two.tsv"]}, "main_dev is 'on'; .* Did you mean one.* Known: one, two"),
        ({}, {"dev": ["a/one", "b/one"]}, "two sets are called one; their scores could not be told apart"),
        ({}, {"dev": ["general"], "general": "sts"}, "two sets are called general"),
        (
            {"metric": "Spearman"},
            {},
            "the metric Spearman is of pairs or classes, and the dev split of the data is searched in; name a dev",
        ),
    ],
)
def test_what_the_words_alone_show_to_be_wrong_is_refused(config: dict, request_: dict, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        TrainRequest(domain="legal", config=quick(**config), **request_)


def test_the_command_trains_by_dev_sets_of_its_own_and_records_their_scores(train: Callable, home: Path, sets: dict[str, Path]) -> None:
    options = ("--dev", sets["pairs"], "--dev", sets["scored"], "--general", sets["general"])
    result = train(*options, "--set", "main_dev=scored", "--set", "epochs=1", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["dev"]["metric"] == "Spearman"
    assert told["beside"].keys() == {"pairs nDCG@10", "general Spearman"}
    assert "dev: scored Spearman, 3 sentence pairs, scored (the main one)" in result.stderr
    assert "note: the dev split of the data is left aside: --dev names what states are chosen by" in result.stderr
    entry = open_registry(home).find_reference("legal@1")
    assert entry.dev is not None
    assert entry.dev.metric == "Spearman"
    assert entry.scores["general Spearman"].metric == "Spearman"
    assert entry.config["dev"] == ["scored Spearman", "pairs nDCG@10"]
    looks = json.loads((home / "legal" / "1" / "history.json").read_text())["looks"]
    assert looks[0].keys() == {"step", "Spearman", "pairs nDCG@10", "general Spearman"}


def test_the_command_refuses_a_metric_that_the_main_set_does_not_have(train: Callable, sets: dict[str, Path]) -> None:
    result = train("--dev", sets["scored"], "--set", "metric=recall@5")
    assert result.exit_code == 1
    assert "scored.tsv holds scored pairs, which have no R@5; they have Spearman" in result.stderr
    assert "loading the base" not in result.stderr


def test_the_plan_names_what_will_be_scored(train: Callable, sets: dict[str, Path]) -> None:
    result = train("--dev", sets["pairs"], "--general", sets["general"], "--dry-run")
    assert result.exit_code == 0, result.output
    assert "dev: pairs nDCG@10, 2 queries over 2 passages" in result.stdout
    assert "general: 3 sentence pairs, scored, Spearman" in result.stdout


def test_a_fall_of_general_ability_is_told(train: Callable, scripted: Callable[..., None], sets: dict[str, Path]) -> None:
    scripted((0.1, 0.8), (0.2, 0.795), (0.3, 0.5))
    result = train("--general", sets["general"], "--set", "max_general_loss=0.01")
    told = (
        "general ability fell from 0.8000 to 0.5000 by step 8, by more than max_general_loss (0.01): the run was stopped, and the state of"
    )
    assert f"{told} step 4 is kept" in result.stderr
    scripted((0.1, 0.8), (0.2, 0.5))
    result = train("--general", sets["general"], "--set", "max_general_loss=0.01")
    assert "at the first evaluation already; its state is kept. Lower learning_rate or eval_steps" in result.stderr


def test_dev_queries_are_not_searched_among_passages_made_for_training(toy_data: TrainingData) -> None:
    made = dataclasses.replace(toy_data, corpus=toy_data.corpus | {"made": "made for training"}, train_only=frozenset({"made"}))
    watch = watch_own(made, quick())
    assert watch is not None
    assert isinstance(watch.main.dev, DevSet)
    assert "made" not in watch.main.dev.passages
    assert watch.main.dev == watch_own(toy_data, quick()).main.dev  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "seen"),
    [("trained.tsv", 1), ("pairs.tsv", 0), ("scored-trained.tsv", 1), ("scored.tsv", 0)],
)
def test_a_dev_set_that_is_trained_on_is_told(sets: dict[str, Path], toy_data: TrainingData, tmp_path: Path, name: str, seen: int) -> None:
    qid, query = next(iter(toy_data.train.queries.items()))
    passage = toy_data.corpus[next(iter(toy_data.train.positives[qid]))]
    table(tmp_path / "trained.tsv", ("anchor", "positive"), (query.upper(), passage), ("court 合同", "law again"))
    table(tmp_path / "scored-trained.tsv", SCORED[0], (4, query, passage), (1, query, "a river"), (0, "the sea", passage))
    found = list(check_dev_sets(Watch(main=WatchedSet(name="mine", dev=read(tmp_path / name))), toy_data))
    assert [warning.message.split(" of the dev set")[0] for warning in found] == (
        [f"1 of {len(SCORED) - 1 if 'scored' in name else 2} rows"] if seen else []
    )
