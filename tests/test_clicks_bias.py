"""Position bias: estimated where the log allows it, refused where not, and corrected; on logs whose truth is known (examples/shop_log.py)."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from adapt_embed.datatools.clicklogs.cells import Cells, sum_cells
from adapt_embed.datatools.clicklogs.em import maximise
from adapt_embed.datatools.clicklogs.examination import CURVES, estimate_examination, named_curve, read_examination
from adapt_embed.datatools.clicklogs.harvest import connected, solve, swapped_clicks
from adapt_embed.datatools.clicklogs.relevance import score_pairs
from adapt_embed.datatools.clicklogs.rows import ROW, LogRows
from adapt_embed.errors import DataError

EXAMPLES = Path(__file__).parent.parent / "examples"
SEEDS = (0, 1)
POSITIONS = 10

needs_examples = pytest.mark.skipif(not EXAMPLES.is_dir(), reason="examples/ is in the repository alone")


def load(path: Path):
    spec = importlib.util.spec_from_file_location(f"adapt_examples_{path.stem}", path)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if EXAMPLES.is_dir():
    shop_log = load(EXAMPLES / "shop_log.py")


def rows_of(log: dict, shop) -> LogRows:
    table = np.zeros(len(log["query"]), ROW)
    for name in ("query", "item", "position", "clicked", "bought"):
        table[name] = log[name]
    table["shown"], table["user"], table["list"] = 1, log["user"] + 1, log["session"] + 1
    return LogRows(table, shop.queries, [item.id for item in shop.items])


def cells_of(seed: int, bias: float, sessions: int = 40_000, noise: float = 0.3) -> tuple[Cells, object, np.ndarray]:
    shop = shop_log.make_shop(seed, queries=200)
    truth = shop_log.examination_of(POSITIONS, bias)
    log = shop_log.simulate(shop, shop_log.Traffic(sessions=sessions, seed=seed, noise=noise), truth)
    return sum_cells(rows_of(log, shop)), shop, truth


def cells(*rows: tuple[int, int, int, float, float]) -> Cells:
    """Cells of (query, item, position, shown, clicked)."""
    columns = np.array(sorted(rows), dtype=float).T
    whole = columns[:3].astype(int)
    return Cells(*whole, *columns[3:], np.zeros(len(rows)))


def ndcg(scores, score: np.ndarray, shop) -> float:
    """Mean over queries of the nDCG@10 of all items that were shown, ranked by a score, against the true relevance."""
    truth = {
        (row, item): value for row, found in enumerate(shop.candidates) for item, value in zip(found, shop.relevance[row], strict=True)
    }
    discount = 1 / np.log2(np.arange(2, 12))
    values = []
    for query in np.unique(scores.query):
        of_query = scores.query == query
        relevance = np.array([truth[query, item] for item in scores.item[of_query]])
        gained, best = relevance[np.argsort(-score[of_query], kind="stable")][:10], np.sort(relevance)[::-1][:10]
        values.append((gained * discount[: len(gained)]).sum() / (best * discount[: len(best)]).sum())
    return float(np.mean(values))


@needs_examples
@pytest.mark.parametrize("seed", SEEDS)
def test_examination_is_harvested_within_a_tenth_of_the_truth_and_orders_items_better_than_clicks(seed: int) -> None:
    log, shop, truth = cells_of(seed, bias=1.0)
    found = estimate_examination(log, "harvest")
    assert np.abs(found.values / truth - 1).max() < 0.1
    assert (np.abs(found.values - truth) <= 4 * found.errors * found.values + 1e-9).all()
    assert not found.is_flat
    corrected = score_pairs(log, np.maximum(found.values, 0.1), 0.0)
    raw = score_pairs(log, np.ones(POSITIONS), 0.0)
    quality = ndcg(corrected, corrected.relevance, shop)
    assert quality > ndcg(raw, raw.relevance, shop) + 0.01
    assert quality > ndcg(raw, raw.clicked, shop) + 0.01
    assert quality > ndcg(raw, raw.clicked / raw.looked, shop) + 0.01


@needs_examples
@pytest.mark.parametrize("seed", SEEDS)
def test_on_a_log_without_bias_the_correction_changes_no_more_than_another_sample_of_the_log_does(seed: int) -> None:
    log, shop, _ = cells_of(seed, bias=0.0)
    found = estimate_examination(log, "harvest")
    corrected, raw = (score_pairs(log, values, 0.0) for values in (found.values, np.ones(POSITIONS)))
    assert abs(ndcg(corrected, corrected.relevance, shop) - ndcg(raw, raw.relevance, shop)) < 0.002

    def swapped(one: np.ndarray, other: np.ndarray) -> float:
        """The share of pairs of items of a query, as neighbours by the one score, that the other orders the other way."""
        order = np.lexsort((one, raw.query))
        same_query = np.diff(raw.query[order]) == 0
        return float((np.diff(other[order]) < 0)[same_query].mean())

    again = np.random.default_rng(seed).poisson(np.maximum(log.clicked, 0))
    resampled = score_pairs(replace(log, clicked=np.minimum(again, log.shown)), np.ones(POSITIONS), 0.0)
    assert swapped(raw.relevance, corrected.relevance) < 0.5 * swapped(raw.relevance, resampled.relevance)


@needs_examples
def test_ranks_that_never_vary_are_refused_by_every_way_that_needs_variation() -> None:
    log, *_ = cells_of(0, bias=1.0, sessions=4_000, noise=0.0)
    for way in ("harvest", "em"):
        with pytest.raises(DataError, match=r"stood at several positions for one query.*not guessed.*--examination FILE"):
            estimate_examination(log, way)


@needs_examples
def test_a_few_swapped_items_do_not_carry_an_estimate() -> None:
    log, *_ = cells_of(0, bias=1.0, sessions=300)
    with pytest.raises(DataError, match=r"the log tells the examination of . of 10 positions"):
        estimate_examination(log, "harvest")


@needs_examples
def test_lists_that_were_shuffled_give_examination_by_click_rates() -> None:
    log, _, truth = cells_of(0, bias=1.0, noise=100.0)
    found = estimate_examination(log, "randomised")
    assert np.abs(found.values / truth - 1).max() < 0.15
    assert found.method == "randomised"


def test_two_positions_are_compared_by_the_rates_of_what_stood_at_both() -> None:
    log = cells((0, 0, 1, 100, 40), (0, 0, 2, 50, 10), (0, 1, 1, 10, 10))  # the last stood at one alone
    clicks = swapped_clicks(log, 2)
    weight = 100 * 50 / 150
    assert clicks == pytest.approx(np.array([[0, 0.4 * weight], [0.2 * weight, 0]]))
    assert solve(clicks, connected(clicks)) == pytest.approx([1, 0.5])


def test_positions_are_compared_over_others() -> None:
    clicks = np.array([[0, 8, 0, 0], [4, 0, 6, 0], [0, 3, 0, 0], [0, 0, 0, 0]], dtype=float)
    known = connected(clicks)
    assert known.tolist() == [True, True, True, False]
    assert solve(clicks, known) == pytest.approx([1, 0.5, 0.25, np.nan], nan_ok=True)


def test_a_long_chain_of_neighbours_is_solved() -> None:
    truth = 0.9 ** np.arange(60)
    clicks = np.zeros((60, 60))
    for place in range(59):
        clicks[place, place + 1], clicks[place + 1, place] = 1000 * truth[place], 1000 * truth[place + 1]
    assert solve(clicks, connected(clicks)) == pytest.approx(truth)


def test_expectation_maximisation_of_a_log_without_noise_finds_the_model() -> None:
    examination, relevance = np.array([1.0, 0.5, 0.2]), np.linspace(0.1, 0.6, 30)
    rows = [(q, 0, k + 1, 1e6, 1e6 * examination[k] * relevance[q]) for q in range(30) for k in range(3)]
    assert maximise(cells(*rows), 3) == pytest.approx(examination, rel=0.05)


def test_a_position_that_was_never_shown_is_not_known() -> None:
    log = cells(*[(q, 0, k, 1000, 1000 * rate) for q in range(60) for k, rate in ((1, 0.4), (2, 0.2), (4, 0.1))])
    found = estimate_examination(log, "harvest")
    assert found.values == pytest.approx([1, 0.5, np.nan, 0.25], nan_ok=True)
    assert score_pairs(log, found.values, 0.0).relevance.size == 60


def test_curves_and_tables_give_examination_beside_the_first_position(tmp_path: Path) -> None:
    assert {name: named_curve(name, 3).values.round(3).tolist() for name in CURVES} == {
        "log": [1.0, 0.631, 0.5],
        "inverse": [1.0, 0.5, 0.333],
        "none": [1.0, 1.0, 1.0],
    }
    table = tmp_path / "examination.csv"
    table.write_text("position,examination\n1,0.8\n2,0.4\n9,0.1\n", encoding="utf-8")
    assert read_examination(table, 3).values == pytest.approx([1, 0.5, np.nan], nan_ok=True)


@pytest.mark.parametrize("row", ["0,1", "1,0", "1,nan", "first,1"])
def test_a_table_of_examination_with_a_bad_row_is_refused_with_its_line(tmp_path: Path, row: str) -> None:
    table = tmp_path / "examination.csv"
    table.write_text(f"position,examination\n{row}\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"examination\.csv, line 2: .*expected a position from 1 and an examination above 0"):
        read_examination(table, 3)


def test_relevance_is_clicks_over_looks_and_purchases_count_as_further_clicks() -> None:
    rows = [(q, i, 1, 1e6, 1e6 * (0.1 + 0.1 * i)) for q in range(3) for i in range(3)]
    log = cells(*rows)
    assert score_pairs(log, np.array([1.0]), 0.0).relevance == pytest.approx([0.1, 0.2, 0.3] * 3, rel=1e-3)
    bought = replace(log, bought=log.clicked / 2)
    assert score_pairs(bought, np.array([1.0]), 3.0).relevance == pytest.approx([0.25, 0.5, 0.75] * 3, rel=1e-3)


def test_one_click_where_hardly_anybody_looks_is_not_the_most_relevant_item() -> None:
    rows = [(q, 0, 1, 1000, 400) for q in range(30)] + [(q, 1 + k, 10, 1, float(k == 0 and q == 0)) for q in range(30) for k in range(20)]
    examination = 1 / np.arange(1, 11)
    scores = score_pairs(cells(*rows), examination, 0.0)
    first = scores.query == 0
    assert scores.item[first][scores.relevance[first].argmax()] == 0


def test_clicks_alone_are_weighted_and_counted() -> None:
    scores = score_pairs(cells((0, 0, 1, 4, 4), (0, 1, 2, 3, 3)), np.array([1.0, 0.5]), 0.0, has_impressions=False)
    assert scores.relevance.tolist() == [4, 6]


@needs_examples
@pytest.mark.parametrize("wrong", ["--language en --queries 301", "--length 51", "--sessions 0", "--noise -1.0"])
def test_a_shop_that_cannot_be_made_is_refused_in_a_line(
    wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["shop_log.py", str(tmp_path / "shop"), *wrong.split()])
    with pytest.raises(SystemExit):
        shop_log.main()
    assert f"error: {wrong.split()[-2]} is {wrong.split()[-1]}; expected" in capsys.readouterr().err
    assert not (tmp_path / "shop").exists()
