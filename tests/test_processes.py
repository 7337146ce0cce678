"""Several processes train as one does: the loss, the gradient, the state."""

import os
import pickle
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from adapt_embed.adapters import TrainConfig
from adapt_embed.adapters.batches import Batches
from adapt_embed.adapters.corpus.open import open_corpus
from adapt_embed.adapters.others import open_others
from adapt_embed.adapters.processes.environment import Place
from adapt_embed.adapters.processes.group import join
from adapt_embed.adapters.processes.world import ALONE, World
from adapt_embed.adapters.sides.open import open_side
from adapt_embed.adapters.strategies.table import open_strategy, put_in
from adapt_embed.base import Base
from adapt_embed.data.pairs import TrainingData

LONGEST_S = 60.0


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
CASES: dict[str, dict[str, Any]] = {
    "both sides": {"temperature": 0.05},
    "anchor": {"anchor": 0.5},
    "queries alone": {"side": "query"},
    "queries alone, sampled": {"side": "query", "candidates": 4, "rest_sample": 5},
    "queries alone, anchor": {"side": "query", "anchor": 0.5},
    "both sides and the corpus": {"corpus": 0.5},
    "triplets": {"loss": "triplet", "margin": 2.0},
    "matryoshka": {"dims": (32, 8)},
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


@pytest.fixture(scope="module")
def shared(base: Base, toy_data: TrainingData, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What each of two processes has of each case."""

    def work(world: World) -> dict[str, Any]:
        return {name: gradient(base, toy_data, settings, world, 1) for name, settings in CASES.items()}

    return in_processes(work, tmp_path_factory.mktemp("two"))


@pytest.mark.parametrize("name", CASES)
def test_loss_and_gradient_of_two_processes_are_those_of_one(base: Base, toy_data: TrainingData, shared: list, name: str) -> None:
    loss, expected = gradient(base, toy_data, CASES[name], ALONE, 1)
    for of_process in shared:
        found_loss, found = of_process[name]
        assert found_loss == pytest.approx(loss, rel=1e-5)
        assert all(gradient.abs().max() > 0 for gradient in expected)
        for now, before in zip(found, expected, strict=True):
            assert (now - before).norm() <= 1e-5 * before.norm()
    assert shared[0][name][0] == shared[1][name][0]
    assert all(torch.equal(a, b) for a, b in zip(shared[0][name][1], shared[1][name][1], strict=True))
