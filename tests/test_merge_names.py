"""What a merge or an ensemble is called where nobody says: never as one of its inputs, nor as something made of others."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from adapt_embed.cli import main
from adapt_embed.lora import LoraModule, write_lora
from adapt_embed.registry import open_registry
from click.testing import CliRunner, Result

MODULE = "encoder.layer.1.output.dense"


def adapt(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def peft_folder(folder: Path, base: Path, seed: int) -> Path:
    draw = torch.Generator().manual_seed(seed)
    folder.mkdir(parents=True)
    factors = {MODULE: LoraModule(torch.randn(2, 64, generator=draw), torch.randn(32, 2, generator=draw) * 0.3, 1.0)}
    write_lora(factors, folder / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 2, "base_model_name_or_path": str(base)}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture
def folders(tiny_base: Path, tmp_path: Path) -> dict[str, Path]:
    """`legal` (two versions that differ) and `medical` in the registry, and where they came from."""
    made = {name: peft_folder(tmp_path / name, tiny_base, seed) for seed, name in enumerate(("legal", "medical", "later"))}
    for name, registered in (("legal", "legal"), ("medical", "medical"), ("later", "legal")):
        assert adapt("add", made[name], "--name", registered).exit_code == 0
    return made


def references() -> list[str]:
    return sorted(entry.reference for entry in open_registry().entries())


BEFORE = ["legal@1", "legal@2", "medical@1"]


@pytest.mark.usefixtures("folders")
@pytest.mark.parametrize(
    "arguments",
    [
        ("legal",),
        ("legal@1",),
        ("legal", "--with-base", "0.7"),
        ("legal", "--rank", "1"),
        ("legal", "--weights", "1", "--dry-run"),
        ("legal", "--search", "legal"),
        ("legal@1", "legal@2"),
    ],
)
def test_a_result_without_a_name_does_not_become_its_inputs_newest_version(arguments: tuple[str, ...]) -> None:
    ran = adapt("merge", *arguments)
    assert (ran.exit_code, references()) == (1, BEFORE), ran.output
    assert "give another with --name" in ran.stderr
    assert len(ran.stderr.strip().splitlines()) <= 2  # a note of the version that was chosen, and the error
    assert "Traceback" not in ran.output


@pytest.mark.usefixtures("folders")
def test_a_folder_alone_needs_a_name_too(folders: dict[str, Path]) -> None:
    assert "give another with --name" in adapt("merge", folders["legal"]).stderr
    assert references() == BEFORE


@pytest.mark.usefixtures("folders")
def test_a_name_that_is_given_is_taken_and_so_is_that_of_an_input() -> None:
    assert adapt("merge", "legal@1", "--weights", "1", "--rank", "full", "--name", "weaker").exit_code == 0
    assert adapt("merge", "legal@1", "legal@2", "--name", "legal").stdout.startswith("legal@3\n")


@pytest.mark.usefixtures("folders")
@pytest.mark.parametrize(
    "inputs, said",
    [
        (("legal", "legal", "--name", "both"), "legal is named twice"),
        (("legal", "legal", "--explain"), "legal is named twice"),
        (("legal", "legal", "--weights", "0.7,0.3"), "legal is named twice"),
        (("legal", "legal", "--search", "legal"), "legal is named twice"),
        (("legal", "legal"), "legal is named twice"),
        (("legal", "legal@2"), "legal and legal@2 are the same"),
        (("{later}", "{link}"), "are the same"),
    ],
)
def test_the_same_input_twice_is_refused(folders: dict[str, Path], tmp_path: Path, inputs: tuple[str, ...], said: str) -> None:
    (tmp_path / "link").symlink_to(folders["later"])
    ran = adapt("merge", *(each.format(**folders, link=tmp_path / "link") for each in inputs))
    assert (ran.exit_code, said in ran.stderr) == (1, True), ran.output
    assert "name each adapter once" in ran.stderr
    assert references() == BEFORE


def test_versions_that_hold_the_same_factors_are_told(folders: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(folders["medical"], tmp_path / "copy")
    ran = adapt("merge", "medical", tmp_path / "copy", "--name", "both")
    assert ran.exit_code == 0, ran.output
    assert "hold the same factors, which count double" in ran.stderr


@pytest.mark.usefixtures("folders")
def test_the_base_twice_is_refused() -> None:
    assert "base is named twice" in adapt("merge", "legal", "base", "base").stderr


@pytest.mark.usefixtures("folders")
def test_the_same_inputs_again_are_the_next_version_and_other_versions_of_them_too() -> None:
    assert adapt("merge", "legal@1", "medical").stdout.startswith("legal-medical@1\n")
    assert adapt("merge", "medical", "legal@2", "--name", "legal-medical").stdout.startswith("legal-medical@2\n")
    assert adapt("merge", "legal@2", "medical", "--method", "ties").stdout.startswith("legal-medical@3\n")


def test_a_derived_name_of_something_else_is_refused(folders: dict[str, Path], tiny_base: Path, second_base: Path, tmp_path: Path) -> None:
    assert adapt("add", peft_folder(tmp_path / "other", tiny_base, 7), "--name", "legal-medical").exit_code == 0
    ran = adapt("merge", "legal", "medical")
    assert (ran.exit_code, "'legal-medical', which its inputs suggest, belongs to something else (legal-medical@1" in ran.stderr) == (
        1,
        True,
    )
    assert adapt("merge", "legal", "medical", "--name", "both").exit_code == 0
    assert adapt("merge", "legal", "medical", "--name", "medical-legal").exit_code == 0
    other = [adapt("add", peft_folder(tmp_path / f"far-{name}", second_base, 8 + row), "--name", name) for row, name in enumerate("ab")]
    assert [ran.exit_code for ran in other] == [0, 0]
    assert adapt("merge", "a", "b").stdout.startswith("a-b@1\n")
    near = [adapt("add", peft_folder(tmp_path / f"near-{name}", tiny_base, 18 + row), "--name", name) for row, name in enumerate("ab")]
    assert [ran.exit_code for ran in near] == [0, 0]
    assert "belongs to something else (a-b@1, the merge of a@1, b@1, on second-base)" in adapt("merge", "a", "b").stderr


@pytest.mark.usefixtures("folders")
def test_names_that_join_to_the_same_are_told_apart(tiny_base: Path, tmp_path: Path) -> None:
    for row, name in enumerate(("a", "a-b", "b-c", "c")):
        assert adapt("add", peft_folder(tmp_path / name, tiny_base, 30 + row), "--name", name).exit_code == 0
    assert adapt("merge", "a", "b-c").stdout.startswith("a-b-c@1\n")
    ran = adapt("merge", "a-b", "c")
    assert (ran.exit_code, "the merge of a@1, b-c@1" in ran.stderr) == (1, True), ran.output


@pytest.mark.usefixtures("folders")
def test_an_ensemble_takes_no_member_twice_and_no_name_of_something_else() -> None:
    assert "legal@2 is named twice" in adapt("ensemble", "legal", "legal@2").stderr
    assert adapt("ensemble", "legal", "medical").exit_code == 0
    assert adapt("ensemble", "legal@1", "medical").stdout.startswith("legal-medical-concat@2\n")
    assert adapt("merge", "legal", "medical", "--name", "medical-legal-concat").exit_code == 0
    ran = adapt("ensemble", "medical", "legal")
    assert (ran.exit_code, "belongs to something else (medical-legal-concat@1, the merge of" in ran.stderr) == (1, True), ran.output
