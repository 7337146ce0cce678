"""The licence of training data: where it is stated, and how it reaches a version's record."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from adapt_embed.adapters.register import describe_data
from adapt_embed.data.domains import load_domain
from adapt_embed.data.joining import join_data
from adapt_embed.data.licence import join_licences, licence_beside
from adapt_embed.data.pairs import TrainingData
from adapt_embed.data.sources import TrainingSource, load_training_data
from adapt_embed.registry import DataRecord
from adapt_embed.registry.record_json import as_json, read_record

LEGAL = load_domain("legal")


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: cc-by-4.0\n---\n# Set\n", "cc-by-4.0"),
        ("---\nlicense:\n- mit\n- cc-by-nc-4.0\n---\n", "mit, cc-by-nc-4.0"),
        ("---\nlanguage: en\n---\n# Licence: mit\n", None),
        ("# Set\n\nlicense: mit\n", None),
        ("---\nlicense: [\n---\n", None),
        ("---\nlicense: {a: b}\n---\n", None),
        ("---\nlicense: 3\n---\n", None),
        ("---\n- license\n---\n", None),
        ("---\nlicense: !!python/object/apply:os.system ['x']\n---\n", None),
        ("---\nlicense: " + "x" * 500 + "\n---\n", "x" * 80),
        ("---\nlicense: mit\n---\n" + "x" * (1 << 20), None),
        ("", None),
    ],
)
def test_a_card_beside_the_data_states_it_under_license(tmp_path: Path, card: str, licence: str | None) -> None:
    (tmp_path / "README.md").write_text(card, encoding="utf-8")
    (tmp_path / "pairs.csv").write_text("query,positive\n", encoding="utf-8")
    assert licence_beside(tmp_path) == licence
    assert licence_beside(tmp_path / "pairs.csv") == licence


def test_without_a_card_that_can_be_read_none_is_known(tmp_path: Path) -> None:
    assert licence_beside(tmp_path) is None
    (tmp_path / "README.md").write_bytes(b"---\nlicense: \xff\n---\n")
    assert licence_beside(tmp_path) is None


def test_of_a_folder_and_of_a_file_it_reaches_the_data(tmp_path: Path, toy_folder: Path) -> None:
    folder = shutil.copytree(toy_folder, tmp_path / "beir")
    (folder / "README.md").write_text("---\nlicense: cc-by-sa-4.0\n---\n", encoding="utf-8")
    (folder / "pairs.csv").write_text("query,positive\nwho pays?,the tenant\n", encoding="utf-8")
    for source in (folder, folder / "pairs.csv"):
        data = load_training_data(str(source), domain=LEGAL, lang="en", seed=0)
        assert (data.licence, describe_data(data).licence) == ("cc-by-sa-4.0", "cc-by-sa-4.0")
    assert load_training_data(str(toy_folder), domain=LEGAL, lang="en", seed=0).licence is None


def test_what_the_user_says_counts(toy_folder: Path) -> None:
    source = TrainingSource(str(toy_folder), LEGAL, "en", licence="cc-by-nc-4.0")
    assert [source.load(seed).licence for seed in (0, 1)] == ["cc-by-nc-4.0", "cc-by-nc-4.0"]


def test_the_sample_is_under_the_licence_of_the_package() -> None:
    data = load_training_data("sample", domain=LEGAL, lang="en", seed=0)
    assert data.licence == "apache-2.0"
    assert "Apache License" in (Path(__file__).parent.parent / "LICENSE").read_text(encoding="utf-8")


def test_several_sources_keep_theirs_in_order(toy_data: TrainingData) -> None:
    parts = [replace(toy_data, licence=licence) for licence in ("mit", None, "cc-by-4.0")]
    assert join_data(parts).licence == "mit + unknown + cc-by-4.0"
    assert join_licences([None, None]) is None


def test_a_record_without_one_is_read_and_written_as_before() -> None:
    record = DataRecord(source="pairs.csv", fingerprint="0")
    assert "licence" not in as_json(record)
    assert read_record(DataRecord, as_json(record), "data") == record
    stated = replace(record, licence="mit")
    assert read_record(DataRecord, as_json(stated), "data") == stated
