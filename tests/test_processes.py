"""Several processes train as one does: the loss, the gradient, the state."""

import os
import pickle
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from adapt_embed.adapters import Checkpoint, TrainConfig, checkpoint, train_adapter
from adapt_embed.adapters.batches import Batches
from adapt_embed.adapters.corpus.open import open_corpus
from adapt_embed.adapters.evaluation import Evaluation
from adapt_embed.adapters.gradients import backpropagate
from adapt_embed.adapters.job import TrainRequest, prepare_training
from adapt_embed.adapters.others import open_others
from adapt_embed.adapters.processes.environment import Place
from adapt_embed.adapters.processes.group import join
from adapt_embed.adapters.processes.split import split_by_tokens
from adapt_embed.adapters.processes.world import ALONE, World, share_rows
from adapt_embed.adapters.sides.open import open_side
from adapt_embed.adapters.strategies.table import open_strategy, put_in
from adapt_embed.base import Base
from adapt_embed.data.pairs import TrainingData
from adapt_embed.errors import TrainingError
from adapt_embed.events import Step
from adapt_embed.references import Search
from adapt_embed.registry import open_registry

LONGEST_S = 300.0


def in_processes(work: Callable[[World], object], folder: Path, size: int = 2) -> list[object]:
    """What `work` returns in each of several processes that have met; a test fails with the traceback of one that failed.

    The matrices of the tests take one thread, so that nothing of the parent's threads is missed in the children.
    """
    folder.mkdir(parents=True, exist_ok=True)
    children = [os.fork() or _work(work, folder, rank, size) for rank in range(size)]
    end = time.monotonic() + LONGEST_S
    for rank, child in enumerate(children):
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            if time.monotonic() > end:
                for each in children:
                    os.kill(each, signal.SIGKILL)
                raise AssertionError(f"process {rank} did not end")
            time.sleep(0.01)
    for rank in range(size):
        failed = folder / f"{rank}.txt"
        assert not failed.exists(), failed.read_text()
    return [pickle.loads((folder / f"{rank}.pickle").read_bytes()) for rank in range(size)]


def _work(work: Callable[[World], object], folder: Path, rank: int, size: int) -> int:
    try:
        os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(size), "LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": str(size)}
        place = Place(rank=rank, size=size, local_rank=rank, local_size=size, rendezvous=str(folder / "rendezvous"))
        (folder / f"{rank}.pickle").write_bytes(pickle.dumps(work(join(place, "cpu"))))
    except BaseException:
        (folder / f"{rank}.txt").write_text(traceback.format_exc())
    sys.stdout.flush()
    os._exit(0)


SHORT = {"batch_size": 8, "rank": 4, "max_tokens": 16, "precision": "fp32"}
WHOLE = SHORT | {"epochs": 3, "batch_size": 16, "learning_rate": 1e-2, "temperature": 0.05}
SAVED_AFTER = 6
CASES: dict[str, dict[str, Any]] = {
    "both sides": {"temperature": 0.05},
    "anchor": {"anchor": 0.5},
    "queries alone": {"side": "query"},
    "queries alone, sampled": {"side": "query", "candidates": 4, "rest_sample": 5},
    "queries alone, anchor": {"side": "query", "anchor": 0.5},
    "both sides and the corpus": {"corpus": 0.5},
    "triplets": {"loss": "triplet_hard", "margin": 1.0},
    "matryoshka": {"dims": (32, 8)},
    "head": {"head": 8},
    "biases": {"strategy": "bitfit", "rank": 16},
    "last layer": {"layers": "last:1"},
}


def gradient(base: Base, data: TrainingData, settings: dict[str, Any], world: World, step: int) -> tuple[float, list[torch.Tensor]]:
    """The loss of a step and its gradient, at factors that are not at their start."""
    config = TrainConfig(**(SHORT | settings))
    strategy, batches = open_strategy(config), Batches(data.train, data.corpus, config)
    objective = open_side(batches, config, open_corpus(base, data, config), open_others(base, config, None, world), world)
    objective.others.learn(batches.all_texts())
    with put_in(strategy, base) as parameters:
        draw = torch.Generator().manual_seed(5)
        with torch.no_grad():
            for parameter in parameters:
                parameter.copy_(torch.randn(parameter.shape, generator=draw) / 10)
        if objective.refreshes(0):
            objective.refresh(base, token_ids(base, config))
        strategy.training(True)
        loss = objective.accumulate(base, step, 1).loss
        world.add_up(parameters)
        return loss, [parameter.grad.clone() for parameter in parameters]


def token_ids(base: Base, config: TrainConfig):
    from adapt_embed.adapters.token_ids import TokenIds

    return TokenIds(base, config.max_tokens)


@pytest.fixture(scope="module")
def base(tiny_base: Path) -> Base:
    from adapt_embed.base import load_base, resolve_base

    return load_base(resolve_base(str(tiny_base)))


@dataclass(frozen=True)
class Run:
    """What a run of 12 steps gave, as processes can send it."""

    losses: list[float]
    evaluations: list[Evaluation]
    factors: dict[str, torch.Tensor]


def train_whole(base: Base, data: TrainingData, world: World, folder: Path | None = None, *, resume: bool = False) -> Run:
    """Train; the first process keeps the state after some steps beside its place."""

    def keep(at: Step) -> None:
        if folder is not None and at.step == SAVED_AFTER and world.rank == 0:
            shutil.copytree(folder, folder.with_name("kept"), dirs_exist_ok=True)

    kept = Checkpoint(folder, every_s=0) if folder is not None and world.rank == 0 else None
    result = train_adapter(base, data, TrainConfig(**WHOLE), checkpoint=kept, resume=resume, on_step=keep, world=world)
    return Run(
        result.losses, result.evaluations, {f"{name}.{part}": getattr(each, part) for name, each in result.trained.items() for part in "ab"}
    )


def assert_close(run: Run, expected: Run) -> None:
    assert run.losses == pytest.approx(expected.losses, rel=1e-3)
    assert [each.score for each in run.evaluations] == pytest.approx([each.score for each in expected.evaluations], abs=1e-3)
    for name, factor in expected.factors.items():
        assert (run.factors[name] - factor).norm() <= 1e-2 * factor.norm(), name


def gradients_alone(world: World) -> list[torch.Tensor | None]:
    """Of three parameters, those after `add_up` of which the first process has the first, and no one the last."""
    parameters = [torch.nn.Parameter(torch.ones(2)) for _ in range(3)]
    if world.rank == 0:
        parameters[0].grad = torch.tensor([1.0, 2.0])
    parameters[1].grad = torch.full((2,), 10.0 * (world.rank + 1))
    world.add_up(parameters)
    return [each.grad for each in parameters]


def one_text(base: Base, world: World) -> tuple[float, float]:
    """The loss of a step of one text, and whether there is a gradient, which the last of the processes has nothing of."""
    config = TrainConfig(**SHORT)
    with put_in(open_strategy(config), base) as parameters:
        loss = backpropagate(base, [("query", ["a court"])], lambda vectors: vectors[0].sum(), config, 1, world=world)
        world.add_up(parameters)
        return loss, sum(each.grad.abs().sum().item() for each in parameters)


def train_seeds(base_folder: Path, data: Path, home: Path) -> list[str | None]:
    """What the job registers, over two seeds."""
    request = TrainRequest(
        domain="legal",
        data=str(data),
        config=TrainConfig(**WHOLE | {"epochs": 1}),
        seeds=2,
        where=Search(registry=open_registry(home), base=str(base_folder)),
        device="cpu",
        processes=2,
    )
    outcome = prepare_training(request).run()
    return [each.entry.reference if each.entry else None for each in outcome.versions]


def train_otherwise(base_folder: Path, data: Path, home: Path, rank: int) -> str:
    """What each process says where one of them is given other settings."""
    config = TrainConfig(**WHOLE | {"epochs": 1 + rank})
    where = Search(registry=open_registry(home), base=str(base_folder))
    request = TrainRequest(domain="legal", data=str(data), config=config, where=where, device="cpu", processes=2)
    try:
        prepare_training(request).run()
    except TrainingError as e:
        return str(e)
    return "trained"


@pytest.fixture(scope="module")
def every_step_saved() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "SHARE", 0)
        yield


@pytest.fixture(scope="module")
def alone(base: Base, toy_data: TrainingData, folder: Path, every_step_saved: None) -> Run:
    return train_whole(base, toy_data, ALONE, folder / "alone" / "run")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("processes")


@pytest.fixture(scope="module")
def general_texts(folder: Path) -> str:
    (folder / "general.txt").write_text("the king has a house\n法律 的 書\nmany roads\n", encoding="utf-8")
    return str(folder / "general.txt")


@pytest.fixture(scope="module")
def cases(general_texts: str) -> dict[str, dict[str, Any]]:
    return CASES | {"general texts": {"anchor": 0.5, "anchor_texts": general_texts}}


@pytest.fixture(scope="module")
def shared(
    base: Base, toy_data: TrainingData, tiny_base: Path, toy_folder: Path, folder: Path, cases: dict, alone: Run
) -> list[dict[str, Any]]:
    """What each of two processes has of everything that is asked of them here."""
    shutil.copytree(folder / "alone" / "kept", folder / "resumed" / "run")
    del alone  # which has kept it

    def work(world: World) -> dict[str, Any]:
        told: dict[str, Any] = {name: gradient(base, toy_data, settings, world, 1) for name, settings in cases.items()}
        told["run"] = train_whole(base, toy_data, world, folder / "together" / "run")
        told["resumed"] = train_whole(base, toy_data, world, folder / "resumed" / "run", resume=True)
        told["gradients"] = gradients_alone(world)
        told["one text"] = one_text(base, world)
        told["rows"] = share_rows(world, "abc", lambda letters: torch.tensor([[float(ord(letter))] for letter in letters]))
        told["one row"] = share_rows(world, "a", lambda letters: torch.tensor([[float(ord(letter))] for letter in letters]))
        told["made"] = world.from_first(lambda: world.rank)
        told["seeds"] = train_seeds(tiny_base, toy_folder, folder / "registry")
        told["otherwise"] = train_otherwise(tiny_base, toy_folder, folder / "registry", world.rank)  # the last, since it ends them
        return told

    return in_processes(work, folder / "work")


@pytest.mark.parametrize("name", [*CASES, "general texts"])
def test_loss_and_gradient_of_two_processes_are_those_of_one(
    base: Base, toy_data: TrainingData, shared: list, cases: dict, name: str
) -> None:
    loss, expected = gradient(base, toy_data, cases[name], ALONE, 1)
    size = torch.cat([each.flatten() for each in expected]).norm()
    assert size > 1e-3  # of which some tensors have nothing but rounding, such as the biases of keys
    for of_process in shared:
        found_loss, found = of_process[name]
        assert found_loss == pytest.approx(loss, rel=1e-5)
        for now, before in zip(found, expected, strict=True):
            assert (now - before).norm() <= 1e-5 * max(before.norm(), 1e-2 * size)


@pytest.mark.parametrize("name", [*CASES, "general texts"])
def test_all_processes_have_the_same_bits(shared: list, name: str) -> None:
    assert shared[0][name][0] == shared[1][name][0]
    assert all(torch.equal(a, b) for a, b in zip(shared[0][name][1], shared[1][name][1], strict=True))


def test_a_run_of_two_processes_is_that_of_one(shared: list, alone: Run) -> None:
    assert_close(shared[0]["run"], alone)
    assert shared[0]["run"].losses == shared[1]["run"].losses
    assert shared[0]["run"].evaluations == shared[1]["run"].evaluations
    assert all(torch.equal(factor, shared[1]["run"].factors[name]) for name, factor in shared[0]["run"].factors.items())


def test_a_run_of_one_process_goes_on_with_two(shared: list, alone: Run) -> None:
    resumed: Run = shared[1]["resumed"]
    assert resumed.losses[:SAVED_AFTER] == alone.losses[:SAVED_AFTER]
    assert_close(resumed, alone)


def test_a_run_of_two_processes_goes_on_with_one(base: Base, toy_data: TrainingData, shared: list, alone: Run, folder: Path) -> None:
    resumed = train_whole(base, toy_data, ALONE, folder / "together" / "kept", resume=True)
    assert resumed.losses[:SAVED_AFTER] == shared[0]["run"].losses[:SAVED_AFTER]
    assert_close(resumed, alone)


def test_the_first_process_alone_registers(shared: list, folder: Path) -> None:
    assert shared[0]["seeds"] == ["legal@1", "legal@2"]
    assert shared[1]["seeds"] == [None, None]
    assert [entry.reference for entry in open_registry(folder / "registry").entries()] == ["legal@1", "legal@2"]


def test_a_process_with_other_settings_ends_the_training(shared: list) -> None:
    assert "finds other data, another base or other settings than the first" in shared[1]["otherwise"]
    assert "another of the 2 processes has ended" in shared[0]["otherwise"]


def test_gradients_that_some_processes_lack_count_as_zero_and_one_that_all_lack_stays_away(shared: list) -> None:
    for of_process in shared:
        first, second, third = of_process["gradients"]
        assert (first.tolist(), second.tolist(), third) == ([1.0, 2.0], [30.0, 30.0], None)


def test_a_process_without_a_text_takes_part(shared: list, base: Base) -> None:
    loss, size = one_text(base, ALONE)
    assert size > 0
    for of_process in shared:
        assert of_process["one text"] == (pytest.approx(loss, rel=1e-5), pytest.approx(size, rel=1e-5))


def test_rows_are_shared_and_come_together_in_order(shared: list) -> None:
    for of_process in shared:
        assert of_process["rows"].tolist() == [[97.0], [98.0], [99.0]]
        assert of_process["one row"].tolist() == [[97.0]]
        assert of_process["made"] == 0


# How texts are divided


def test_each_text_has_one_process_and_all_have_about_as_many_tokens() -> None:
    lengths = [[3, 90, 12, 60, 4, 4], [256, 31, 200, 7, 100, 55, 180, 9]]
    for processes in (1, 2, 3, 5, 20):
        shares = split_by_tokens(lengths, processes)
        for side, of_side in enumerate(lengths):
            assert sorted(row for share in shares for row in share[side]) == list(range(len(of_side)))
        loads = [sum(lengths[side][row] for side, rows in enumerate(share) for row in rows) for share in shares]
        assert max(loads) - min(loads) <= max(map(max, lengths))
    assert split_by_tokens(lengths, 1) == [[list(range(6)), list(range(8))]]
    assert split_by_tokens([[100, 99, 2, 1]], 2) == [[[0, 3]], [[1, 2]]]
