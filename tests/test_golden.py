"""What training, merging, combining and encoding compute stays what it was: bit for bit on a machine like the record's.

After a change that is meant to move numbers: `python tests/golden/record.py`, and say in the commit by how much they moved.
"""

import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parent / "golden"
# Another processor sums in another order. What is drawn by an adapter's content, or keeps the largest entries, then differs as a whole.
TOLERANCE = {"vectors/base/": 1e-5, "update/trained/": 1e-2, "scores/base": 5e-3}

sys.path.insert(0, str(FOLDER))
from record import RECORD, Arrays, machine, record  # noqa: E402


@pytest.fixture(scope="module")
def kept() -> Arrays:
    with np.load(RECORD) as arrays:
        return dict(arrays)


@pytest.fixture
def found(tiny_base: Path, toy_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Arrays:
    monkeypatch.setenv("COLUMNS", "80")
    return record(tmp_path, tiny_base, toy_folder)


def test_what_is_computed_stays(found: Arrays, kept: Arrays) -> None:
    recorded_on = str(kept.pop("machine"))
    assert set(found) == set(kept)
    if machine() == recorded_on:
        assert [name for name in kept if not np.array_equal(found[name], kept[name])] == []
    assert [name for name in kept if not is_close(name, found[name], kept[name])] == []


def is_close(name: str, left: np.ndarray, right: np.ndarray) -> bool:
    allowed = next((value for start, value in TOLERANCE.items() if name.startswith(start)), np.inf)
    return bool(np.abs(left - right).max() <= allowed * max(1.0, np.abs(right).max()))


def test_a_number_that_moved_is_seen() -> None:
    assert is_close("vectors/base/query", np.ones(3), np.ones(3))
    assert not is_close("vectors/base/query", np.ones(3), np.array([1, 1, 1.001]))
    assert not is_close("update/trained/legal", np.ones(3), np.array([1, 1, 1.1]))
