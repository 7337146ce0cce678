"""`adapt encode`: lines of text -> vectors, on disk or printed."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from adapt_embed.base import load_base
from adapt_embed.base.resolve import resolve_base
from adapt_embed.cli import main
from adapt_embed.encoders import LoraEncoder
from adapt_embed.lora import LoraModule, read_lora, write_lora
from click.testing import CliRunner, Result

TEXTS = ["the court and the judge of appeal", "", "a tenant", "rent " * 100, "\U0001f600 law\x07"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def adapter(tiny_base: Path, tmp_path: Path) -> Path:
    """A PEFT folder on the tiny base, which has an instruction of its own for queries."""
    folder = tmp_path / "mine"
    folder.mkdir()
    draw = torch.Generator().manual_seed(0)
    factors = {"encoder.layer.1.output.dense": LoraModule(torch.randn(2, 64, generator=draw), torch.randn(32, 2, generator=draw), 1.0)}
    write_lora(factors, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(
        json.dumps({"peft_type": "LORA", "r": 2, "lora_alpha": 2, "base_model_name_or_path": str(tiny_base)})
    )
    (folder / "config_sentence_transformers.json").write_text(json.dumps({"prompts": {"query": "judge: "}}))
    return folder


def encode(*arguments: object, given: str | bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["encode", *map(str, arguments)], input=given)


def test_the_file_holds_the_encoders_vectors_in_order(adapter: Path, tiny_base: Path, file: Path, tmp_path: Path) -> None:
    ran = encode(adapter, file, "--dtype", "fp32", "-o", tmp_path / "out.npy")
    assert ran.exit_code == 0, ran.output
    vectors = np.load(tmp_path / "out.npy")
    expected = LoraEncoder(load_base(resolve_base(str(tiny_base))), read_lora(adapter), precision="fp32").encode(TEXTS).vectors
    assert vectors.dtype == np.float32
    assert vectors.shape == (5, 32)
    np.testing.assert_allclose(vectors, expected, atol=1e-6)
    assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() < 1e-5
    assert "5 vectors of 32 dimensions, written to" in ran.stdout
    assert [path.name for path in tmp_path.glob("*out.npy*")] == ["out.npy"]


def test_the_role_decides_the_instruction(adapter: Path) -> None:
    as_query = json.loads(encode(adapter, "--as", "query", "--dtype", "fp32", "--json", given="rent\n").stdout)
    by_hand = json.loads(encode(adapter, "--dtype", "fp32", "--json", given="judge: rent\n").stdout)
    as_document = json.loads(encode(adapter, "--dtype", "fp32", "--json", given="rent\n").stdout)
    np.testing.assert_allclose(as_query["vectors"], by_hand["vectors"], atol=1e-6)
    assert np.abs(np.subtract(as_query["vectors"], as_document["vectors"])).max() > 1e-3
    assert (as_query["role"], as_document["role"], as_query["shape"]) == ("query", "document", [1, 32])


def test_truncated_texts_are_counted_on_stderr(tiny_base: Path, file: Path) -> None:
    ran = encode("base", "--base", tiny_base, file, "--max-tokens", 40, "--json")
    assert "1 of 5 texts were longer than 40 tokens and were truncated" in ran.stderr
    assert json.loads(ran.stdout)["truncated"] == 1


def test_the_standard_input_is_read_where_no_file_is_named(tiny_base: Path, file: Path) -> None:
    from_file = json.loads(encode("base", file, "--base", tiny_base, "--json").stdout)
    for arguments in ((), ("-",)):
        assert json.loads(encode("base", *arguments, "--base", tiny_base, "--json", given=file.read_bytes()).stdout) == from_file


def test_lines_end_at_any_newline_and_nowhere_else(tiny_base: Path) -> None:
    result = json.loads(encode("base", "--base", tiny_base, "--json", given="\ufeffa\r\nb\u2028c\n\nd".encode()).stdout)
    assert result["shape"][0] == 4
    np.testing.assert_allclose(
        result["vectors"][0], json.loads(encode("base", "--base", tiny_base, "--json", given="a").stdout)["vectors"][0], atol=1e-5
    )


def test_into_a_pipe_vectors_go_as_json_lines(tiny_base: Path) -> None:
    ran = encode("base", "--base", tiny_base, given="a\nb\n")
    as_json = json.loads(encode("base", "--base", tiny_base, "--json", given="a\nb\n").stdout)
    assert [json.loads(line) for line in ran.stdout.splitlines()] == as_json["vectors"]
    assert "2 vectors of 32 dimensions" in ran.stderr
    assert "1 vector of 32 dimensions" in encode("base", "--base", tiny_base, given="a\n").stderr


def test_into_a_terminal_nothing_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _self: True, raising=False)
    ran = encode("base", "--base", "/nowhere", given="a\n")
    assert ran.exit_code == 2
    assert "-o OUT.npy" in ran.stderr
    assert "--json" in ran.stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "is empty; expected one text a line"), (b"law\n\xff\xfe", "is not UTF-8 text"), (None, "cannot be read: No such file")],
)
def test_a_bad_file_is_one_clear_line(tiny_base: Path, tmp_path: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "bad.txt").write_bytes(content)
    ran = encode("base", "--base", tiny_base, tmp_path / "bad.txt")
    assert (ran.exit_code, ran.stdout) == (1, "")
    assert message in ran.stderr
    assert ran.stderr.startswith("Error: ")
    assert ran.stderr.count("\n") == 1


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_looked_for(tmp_path: Path) -> None:
    for place, message in ((tmp_path / "absent" / "out.npy", "does not exist"), (tmp_path, "is a folder")):
        ran = encode("no-such-adapter", "-o", place, given="a\n")
        assert ran.exit_code == 1
        assert message in ran.stderr


def test_a_write_that_fails_leaves_the_old_file(tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out.npy"
    out.write_bytes(b"old")

    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("adapt_embed.disk.os.fsync", full)
    ran = encode("base", "--base", tiny_base, "-o", out, given="a\n")
    assert ran.exit_code == 1
    assert "cannot be written: No space left on device" in ran.stderr
    assert out.read_bytes() == b"old"
    assert list(tmp_path.glob(".*")) == []


def test_an_unknown_name_is_one_clear_line() -> None:
    ran = encode("nobody", given="a\n")
    assert ran.exit_code == 1
    assert "unknown adapter 'nobody'" in ran.stderr
    assert "error" in json.loads(encode("nobody", "--json", given="a\n").stdout)
