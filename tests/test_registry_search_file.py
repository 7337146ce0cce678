"""`search.json`: what the search writes is what the bench's page reads."""

import json
from pathlib import Path

import pytest
from adapt_embed.errors import AdapterError
from adapt_embed.registry.search_file import Curve, CurvePoint, Line, Measurement, Point, SearchFile, read_search


def measured(value: float) -> Measurement:
    return Measurement(ndcg={"law": value, "法律": 1 - value}, loss={"law": 2.5, "法律": 0.5}, general=0.8)


CURVE = Curve(
    names=("a", "b"),
    domains=("law", "法律"),
    general_kind="closeness",
    base=measured(0.25),
    lines=(Line("weight of a", tuple(CurvePoint(x, Point((x, 1 - x), density), measured(x)) for x, density in ((0.0, None), (1.0, 0.5)))),),
)


def write(folder: Path, content: object) -> Path:
    (folder / "search.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return folder


def test_a_curve_that_was_written_is_read_as_it_was(tmp_path: Path) -> None:
    write(tmp_path, {"weights": [0.4, 0.6], "curve": CURVE.as_dict(), "score": 1.0})
    assert read_search(tmp_path) == SearchFile(weights=(0.4, 0.6), curve=CURVE)


def test_a_search_without_a_curve_has_none(tmp_path: Path) -> None:
    assert read_search(write(tmp_path, {"weights": [1.0], "curve": None})) == SearchFile(weights=(1.0,), curve=None)


def test_a_merge_without_a_search_has_no_file(tmp_path: Path) -> None:
    assert read_search(tmp_path) is None


@pytest.mark.parametrize(
    "content",
    [
        [],
        {"curve": None},
        {"weights": [0.4, 0.6]},
        {"weights": [0.4, 0.6], "curve": CURVE.as_dict() | {"general_kind": "bleu"}},
        {"weights": [0.4, 0.6], "curve": CURVE.as_dict() | {"lines": [{"axis": "x", "points": []}]}},
        {"weights": [1.0], "curve": CURVE.as_dict()},
        {"weights": [0.4, 0.6], "curve": CURVE.as_dict() | {"base": {"ndcg": {}}}},
    ],
)
def test_a_damaged_file_is_refused_in_a_line_that_names_it(content: object, tmp_path: Path) -> None:
    with pytest.raises(AdapterError, match=r"^.*search\.json cannot be read \(.+\); restore it from a copy, or search the weights again$"):
        read_search(write(tmp_path, content))
