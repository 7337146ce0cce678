"""Drawing some of many, and estimating time from a few."""

import time
from collections.abc import Sequence

import numpy as np
import pytest
from adapt_embed.data.draw import draw
from adapt_embed.timing import estimate_seconds


@pytest.mark.parametrize("count", [3, 4, 100])
def test_no_more_than_there_are_gives_all_in_their_order(count: int) -> None:
    assert draw(["c", "a", "b"], count, 0) == ["c", "a", "b"]


def test_fewer_are_drawn_by_the_seed_without_replacement_in_their_order() -> None:
    items = list(range(100, 200))
    drawn = [draw(items, 10, seed) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(set(drawn[0])) == 10
    assert drawn[0] == sorted(drawn[0])
    assert drawn[0] == [items[row] for row in sorted(np.random.default_rng(0).choice(100, size=10, replace=False))]
    assert draw(items, 0, 0) == []


def test_a_generator_goes_on_where_it_was_and_is_left_alone_where_nothing_is_drawn() -> None:
    generator, again = (np.random.default_rng(3) for _ in range(2))
    assert draw(range(4), 9, generator) == [0, 1, 2, 3]
    first, second = draw(range(50), 5, generator), draw(range(50), 5, generator)
    assert first == draw(range(50), 5, again)
    assert second == draw(range(50), 5, again)


def test_the_time_of_a_few_is_multiplied() -> None:
    runs: list[Sequence[int]] = []

    def work(some: Sequence[int]) -> None:
        runs.append(some)
        time.sleep(0.002 * len(some))

    seconds = estimate_seconds(work, range(100), sample=10)
    assert [list(run) for run in runs] == [list(range(0, 100, 10))]
    assert 0.2 <= seconds < 2


def test_what_warms_up_is_not_timed_and_the_size_may_be_another() -> None:
    runs: list[Sequence[int]] = []

    def work(some: Sequence[int]) -> None:
        time.sleep(0.3 if not runs else 0.02)  # the first run pays
        runs.append(some)

    seconds = estimate_seconds(work, [1, 1, 1, 7], sample=2, warm_up=1, size=sum)
    assert runs == [[1], [1, 1]]
    assert 0.02 * 10 / 2 <= seconds < 0.3 * 10 / 2


def test_fewer_items_than_the_sample_are_all_run() -> None:
    runs: list[Sequence[str]] = []
    estimate_seconds(runs.append, ["a", "b"], sample=64)
    assert runs == [["a", "b"]]
