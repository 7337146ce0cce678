"""Explaining adapters before a merge: figures by hand, what is undefined, and what they suggest."""

import json
import math
from collections.abc import Mapping

import pytest
import torch
from adapt_embed.cli.merge_text import explanation_table
from adapt_embed.errors import ConfigError
from adapt_embed.lora import LoraModule
from adapt_embed.merge import METHODS
from adapt_embed.merge.advice import FOR_CONFLICTS, FOR_SHARED_SPACE
from adapt_embed.merge.explain import Explanation, explain, layer_of
from adapt_embed.merge.figures import Figures

QUERY, OUTPUT = "encoder.layer.0.attention.self.query", "encoder.layer.1.output.dense"


def module(delta: list[list[float]], scale: float = 2.0) -> LoraModule:
    """Factors of a delta that is written out."""
    dense = torch.tensor(delta)
    return LoraModule(torch.eye(dense.shape[1]), dense / scale, scale)


def random_module(seed: int, out: int = 6, into: int = 5, rank: int = 3) -> LoraModule:
    draw = torch.Generator().manual_seed(seed)
    return LoraModule(torch.randn(rank, into, generator=draw), torch.randn(out, rank, generator=draw), 0.5)


def whole(first: Mapping[str, LoraModule], second: Mapping[str, LoraModule]) -> Figures:
    return explain([first, second], ["a", "b"]).pairs[0].whole


def told(first: Mapping[str, LoraModule], second: Mapping[str, LoraModule]) -> str:
    return "\n".join(explain([first, second], ["legal", "medical"]).suggestions)


def test_the_figures_of_two_by_two_matrices_by_hand() -> None:
    figures = whole({QUERY: module([[1, 2], [0, -1]])}, {QUERY: module([[1, -1], [0, -2]])})
    assert figures.norms == pytest.approx((math.sqrt(6), math.sqrt(6)))
    assert figures.cosine == pytest.approx(1 / 6)
    assert figures.sign_conflicts == pytest.approx(1 / 3)
    assert figures.top_sign_conflicts is None  # the largest element of each stands where the other's does not
    assert (figures.column_overlap, figures.row_overlap) == pytest.approx((1, 1))
    assert (figures.column_chance, figures.row_chance) == pytest.approx((1, 1))


def test_updates_of_different_elements_are_orthogonal() -> None:
    figures = whole({QUERY: module([[1, 0], [0, 0]])}, {QUERY: module([[0, 0], [0, 1]])})
    assert (figures.cosine, figures.column_overlap, figures.row_overlap) == pytest.approx((0, 0, 0))
    assert (figures.column_chance, figures.row_chance) == pytest.approx((0.5, 0.5))
    assert figures.sign_conflicts is None


def test_the_overlap_is_the_squared_cosine_of_the_principal_angle() -> None:
    root = math.sqrt(0.5)
    figures = whole({QUERY: module([[1, 0], [0, 0]])}, {QUERY: module([[root, 0], [root, 0]])})
    assert (figures.column_overlap, figures.row_overlap) == pytest.approx((0.5, 1.0))


def test_an_update_is_itself() -> None:
    figures = whole({QUERY: random_module(1)}, {QUERY: random_module(1)})
    assert (figures.cosine, figures.column_overlap, figures.row_overlap) == pytest.approx((1, 1, 1))
    assert (figures.sign_conflicts, figures.top_sign_conflicts) == (0, 0)


def test_a_negated_update_is_opposed_in_every_element() -> None:
    update = random_module(1)
    figures = whole({QUERY: update}, {QUERY: LoraModule(update.a, -update.b, update.scale)})
    assert (figures.cosine, figures.column_overlap) == pytest.approx((-1, 1))
    assert (figures.sign_conflicts, figures.top_sign_conflicts) == (1, 1)


def test_directions_of_length_zero_are_no_part_of_the_space() -> None:
    update = random_module(1, rank=2)
    padded = LoraModule(torch.cat([update.a, update.a[:1]]), torch.cat([update.b, torch.zeros(6, 1)], dim=1), update.scale)
    other = random_module(2, rank=2)
    assert whole({QUERY: padded}, {QUERY: other}).column_overlap == pytest.approx(whole({QUERY: update}, {QUERY: other}).column_overlap)
    assert whole({QUERY: padded}, {QUERY: other}).column_chance == pytest.approx(2 / 6)


def test_a_layer_and_the_whole_are_their_modules_taken_together() -> None:
    names = ["encoder.layer.0.q", "encoder.layer.0.k", "encoder.layer.1.q"]
    first = {name: random_module(row, out=4 + row) for row, name in enumerate(names)}
    second = {name: random_module(10 + row, out=4 + row, rank=2) for row, name in enumerate(names)}
    pair = explain([first, second], ["a", "b"]).pairs[0]
    assert [figures.name for figures in pair.layers] == ["encoder.layer.0", "encoder.layer.1"]
    for figures, members in ((pair.layers[0], names[:2]), (pair.whole, names)):
        x, y = (torch.cat([each[name].delta().double().flatten() for name in members]) for each in (first, second))
        assert figures.cosine == pytest.approx(float(x @ y / (x.norm() * y.norm())), abs=1e-6)
        assert figures.norms == pytest.approx((float(x.norm()), float(y.norm())), rel=1e-6)
        assert figures.sign_conflicts == pytest.approx(float((x * y < 0).double().mean()))
    own = {figures.name: figures.column_overlap for figures in pair.modules}
    assert pair.whole.column_overlap == pytest.approx(sum(own[name] for name in names) / 3)  # each has two angles


def test_a_module_that_one_leaves_alone_counts_in_the_norm_alone() -> None:
    pair = explain([{QUERY: module([[1, 0]]), OUTPUT: module([[1, 0]])}, {QUERY: module([[1, 0]])}], ["a", "b"]).pairs[0]
    assert pair.whole.cosine == pytest.approx(math.sqrt(0.5))
    assert (pair.only_first, pair.only_second) == ((OUTPUT,), ())
    alone = next(figures for figures in pair.modules if figures.name == OUTPUT)
    assert alone.norms == (1, 0)
    assert (alone.cosine, alone.column_overlap, alone.sign_conflicts) == (None, None, None)


def test_a_zero_update_and_the_base_have_no_cosine() -> None:
    for idle in ({QUERY: module([[0, 0]])}, {}):
        assert whole({QUERY: module([[1, 0]])}, idle).cosine is None
        assert told({QUERY: module([[1, 0]])}, idle) == "legal and medical: medical changes nothing, so only the other's weight counts."


def test_independent_updates_stand_at_chance() -> None:
    pairs = [[{QUERY: random_module(seed, 384, 384, 16)}, {QUERY: random_module(seed + 100, 384, 384, 16)}] for seed in range(4)]
    for figures in (whole(*pair) for pair in pairs):
        assert abs(figures.cosine) < 0.02
        assert figures.column_overlap == pytest.approx(figures.column_chance, abs=0.02)
        assert figures.sign_conflicts == pytest.approx(0.5, abs=0.02)
        assert figures.top_sign_conflicts == pytest.approx(0.5, abs=0.02)


def test_every_pair_is_held_against_each_other_in_the_order_given() -> None:
    explanation = explain([{QUERY: random_module(seed)} for seed in range(3)], ["法律", "医疗", "电商"])
    assert [(pair.first, pair.second) for pair in explanation.pairs] == [("法律", "医疗"), ("法律", "电商"), ("医疗", "电商")]
    assert json.loads(json.dumps(explanation.as_dict(), ensure_ascii=False))["pairs"][2]["second"] == "电商"


def test_layers_stand_in_the_order_of_their_numbers() -> None:
    names = [f"encoder.layer.{number}.query" for number in (10, 2, 0)] + ["pooler"]
    update = {name: random_module(1) for name in names}
    layers = [figures.name for figures in explain([update, update], ["a", "b"]).pairs[0].layers]
    assert layers == ["encoder.layer.0", "encoder.layer.2", "encoder.layer.10", "pooler"]
    assert layer_of("h.3") == "h.3"


def test_explaining_changes_no_parent() -> None:
    update = random_module(1)
    before = (update.a.clone(), update.b.clone())
    explain([{QUERY: update}, {QUERY: random_module(2)}], ["a", "b"])
    assert torch.equal(update.a, before[0])
    assert torch.equal(update.b, before[1])


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ConfigError, match="name at least two"):
        explain([{QUERY: random_module(1)}], ["a"])
    with pytest.raises(ConfigError, match=r"change encoder.layer.0.attention.self.query in different shapes \(\(6, 5\), \(7, 5\)\)"):
        explain([{QUERY: random_module(1)}, {QUERY: random_module(1, out=7)}], ["a", "b"])


def test_suggestions_follow_from_the_figures() -> None:
    one, other = module([[3, 0], [0, 0]]), module([[0, 0], [0, 3]])
    assert "nearly orthogonal (cosine 0.00): linear keeps most of both" in told({QUERY: one}, {QUERY: other})
    assert "the same update up to its length" in told({QUERY: one}, {QUERY: one})
    assert "pull against each other (cosine -1.00)" in told({QUERY: one}, {QUERY: module([[-3, 0], [0, 0]])})
    assert "100% of the elements have opposite signs" in told({QUERY: one}, {QUERY: module([[-3, 0], [0, 0]])})
    assert "point the same way (cosine 0.80)" in told({QUERY: one}, {QUERY: module([[4, 3], [0, 0]])})
    assert "overlap in part (cosine 0.30)" in told({QUERY: one}, {QUERY: module([[3, math.sqrt(91)], [0, 0]])})


def test_the_longer_update_is_named_with_weights_that_even_them_out() -> None:
    text = told({QUERY: module([[6, 0], [0, 0]])}, {QUERY: module([[0, 0], [0, 2]])})
    assert "the update of legal is 3.0 times as long as that of medical" in text
    assert "0.25 and 0.75 would even them out" in text
    assert "times as long" not in told({QUERY: module([[3, 0], [0, 0]])}, {QUERY: module([[0, 0], [0, 2]])})


def test_shared_directions_under_a_low_cosine_are_told_and_chance_is_not() -> None:
    rows = [[0.0] * 8 for _ in range(8)]
    first, second = [list(row) for row in rows], [list(row) for row in rows]
    first[0][0], second[0][7] = 1.0, 1.0  # the same output, different inputs
    text = told({QUERY: module(first)}, {QUERY: module(second)})
    assert "write into the same directions (overlap 1.00, by chance 0.12)" in text
    assert "read from" not in text
    assert "same directions" not in told({QUERY: module([[1, 0]])}, {QUERY: module([[0, 1]])})  # one output alone: by chance 1


def test_modules_of_one_alone_are_counted() -> None:
    one = {QUERY: module([[1, 0]]), OUTPUT: module([[1, 0]])}
    assert "medical changes 1 module that legal leaves alone" in told({QUERY: module([[1, 0]])}, one)


def test_suggested_methods_are_in_the_table() -> None:
    assert {FOR_CONFLICTS, FOR_SHARED_SPACE, "linear"} <= METHODS.keys()


def test_the_table_has_a_row_for_the_pair_and_each_layer_or_module() -> None:
    explanation: Explanation = explain([{QUERY: module([[1, 0]]), OUTPUT: module([[1, 0]])}, {QUERY: module([[-2, 0]])}], ["a", "b"])
    table = explanation_table(explanation)
    assert [row[:2] for row in table.rows] == [("a, b", "all"), ("", "encoder.layer.0"), ("", "encoder.layer.1")]
    assert all(len(row) == len(table.headings) for row in table.rows)
    assert table.rows[1][2:] == ("1 / 2", "-1.000", "1.000 (1.000)", "1.000 (0.500)", "100.0%", "100.0%")
    assert table.rows[2][2:] == ("1 / 0", "-", "-", "-", "-", "-")
    assert [row[1] for row in explanation_table(explanation, modules=True).rows] == ["all", QUERY, OUTPUT]
