"""`adapt base convert`: pickled weights become safetensors with the same vectors, whole or not at all."""

import json
import os
import pickle
import shutil
import stat
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from adapt_embed.base import KNOWN_BASES, convert, resolve_base
from adapt_embed.cli import main
from click.testing import CliRunner, Result
from safetensors.torch import load_file

M3 = KNOWN_BASES["bge-m3"]


def adapt(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def pickled(tiny_base: Path, tmp_path: Path) -> Path:
    """The tiny base with its weights as pytorch_model.bin."""
    return pickle_base(tiny_base, tmp_path / "pickled")


def pickle_base(base: Path, folder: Path) -> Path:
    shutil.copytree(base, folder)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    return folder


def xlmr_base(tiny_base: Path, folder: Path) -> Path:
    """A tiny XLM-R in half precision, pickled, as bge-m3 lies on the Hub: with heads beside it, and no safetensors."""
    from transformers import AutoModel, XLMRobertaConfig

    shutil.copytree(tiny_base, folder, ignore=shutil.ignore_patterns("model.safetensors", "config.json", "1_Pooling"))
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64, "max_position_embeddings": 66}
    vocabulary = json.loads((tiny_base / "config.json").read_text())["vocab_size"]
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = AutoModel.from_config(XLMRobertaConfig(vocab_size=vocabulary, pad_token_id=1, initializer_range=0.3, **shape)).half()
    network.save_pretrained(folder)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    for name in ("colbert_linear.pt", "sparse_linear.pt"):
        torch.save({"weight": torch.ones(2)}, folder / name)
    return folder


def snapshot_of_m3() -> Path:
    root = Path(os.environ["HF_HUB_CACHE"]) / "models--BAAI--bge-m3"
    (root / "refs").mkdir(parents=True)
    (root / "refs" / "main").write_text(M3.revision)
    return root / "snapshots" / M3.revision


def vectors(folder: Path, texts: Path, *options: object) -> np.ndarray:
    out = texts.with_suffix(".npy")
    ran = adapt("encode", "base", texts, "--base", folder, "--dtype", "fp32", "-o", out, *options)
    assert ran.exit_code == 0, ran.output
    return np.load(out)


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    (tmp_path / "t.txt").write_text("a lease of land\n房东可以终止租约\n", encoding="utf-8")
    return tmp_path / "t.txt"


def test_the_converted_base_has_the_tensors_and_the_vectors_of_the_original(tiny_base: Path, pickled: Path, texts: Path) -> None:
    ran = adapt("base", "convert", pickled, "--json")
    assert ran.exit_code == 0, ran.output
    told = json.loads(ran.stdout)
    out = Path(told["folder"])
    assert out == pickled.parent / "pickled-safetensors"
    before, after = load_file(tiny_base / "model.safetensors"), load_file(out / "model.safetensors")
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert told["options"] == f"--base {out}"
    assert told["sha256"] == resolve_base(str(out)).spec.sha256
    assert np.array_equal(vectors(out, texts), vectors(tiny_base, texts))
    assert stat.S_IMODE(out.stat().st_mode) == 0o755
    assert sorted(path.name for path in pickled.parent.iterdir() if path.name.startswith(".")) == []


def test_a_cached_bge_m3_is_named_as_what_it_is_and_used_once_converted(tiny_base: Path, texts: Path, tmp_path: Path) -> None:
    source = xlmr_base(tiny_base, snapshot_of_m3())
    refused = adapt("encode", "base", texts, "--base", "bge-m3")
    assert refused.exit_code == 1
    assert f"with its weights as pytorch_model.bin alone ({source}); convert them: adapt base convert bge-m3 -o OUT" in refused.stderr
    before = sorted(path.name for path in source.iterdir())
    out = tmp_path / "m3"
    ran = adapt("base", "convert", "bge-m3", "-o", out)
    assert ran.exit_code == 0, ran.output
    assert f"to use it: --base {out} --base-as bge-m3" in ran.stdout
    assert "files that were not copied: colbert_linear.pt, sparse_linear.pt" in ran.stdout
    assert sorted(path.name for path in source.iterdir()) == before
    kinds = {tensor.dtype for tensor in load_file(out / "model.safetensors").values()}
    assert kinds == {torch.float16}
    assert vectors(out, texts, "--base-as", "bge-m3").shape == (2, 32)


def test_what_lies_in_the_cache_is_converted_into_the_current_directory(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    xlmr_base(tiny_base, snapshot_of_m3())
    assert json.loads(adapt("base", "convert", "bge-m3", "--json").stdout)["folder"] == str(tmp_path / "bge-m3-safetensors")


def test_base_list_says_which_bases_are_to_be_converted(tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = xlmr_base(tiny_base, snapshot_of_m3())
    pickle_base(tiny_base, tmp_path / "bge-small-en")
    monkeypatch.setenv("ADAPT_BASES", str(tmp_path))
    bases = {base["alias"]: base for base in json.loads(adapt("base", "list", "--json").stdout)["bases"]}
    assert (bases["bge-m3"]["folder"], bases["bge-m3"]["is_usable"]) == (str(source), False)
    assert (bases["bge-small-en"]["found_in"], bases["bge-small-en"]["is_usable"]) == ("ADAPT_BASES", False)
    assert (bases["bge-base-zh"]["folder"], bases["bge-base-zh"]["has_safetensors"]) == (None, False)
    lines = adapt("base", "list").stdout.splitlines()
    assert "adapt base convert bge-base-zh" in next(line for line in lines if " bge-base-zh" in line)


def test_shards_are_joined(tiny_base: Path, pickled: Path) -> None:
    tensors = torch.load(pickled / "pytorch_model.bin", weights_only=True)
    (pickled / "pytorch_model.bin").unlink()
    where = {key: f"pytorch_model-0000{1 + number % 2}-of-00002.bin" for number, key in enumerate(sorted(tensors))}
    for name in set(where.values()):
        torch.save({key: tensors[key] for key in where if where[key] == name}, pickled / name)
    (pickled / "pytorch_model.bin.index.json").write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": where}))
    ran = adapt("base", "convert", pickled)
    assert ran.exit_code == 0, ran.output
    assert "left behind" not in ran.stdout
    out = pickled.parent / "pickled-safetensors"
    assert not list(out.glob("pytorch_model*"))
    assert load_file(out / "model.safetensors").keys() == tensors.keys()
    shutil.rmtree(out)
    (pickled / "pytorch_model-00002-of-00002.bin").unlink()
    ran = adapt("base", "convert", pickled)
    assert "pytorch_model-00002-of-00002.bin is missing, one of the 2 files" in ran.stderr
    assert not out.exists()


def test_a_masked_language_models_weights_lose_their_head_and_shared_memory_is_no_hindrance(
    tiny_base: Path, pickled: Path, texts: Path
) -> None:
    tensors = {f"bert.{key}": tensor for key, tensor in torch.load(pickled / "pytorch_model.bin", weights_only=True).items()}
    words = tensors["bert.embeddings.word_embeddings.weight"]
    head = {"cls.predictions.decoder.weight": words, "bert.embeddings.position_ids": torch.arange(512)[None]}
    both = torch.stack(
        [tensors["bert.encoder.layer.0.attention.self.query.weight"], tensors["bert.encoder.layer.0.attention.self.key.weight"]]
    )
    views = {f"bert.encoder.layer.0.attention.self.{name}.weight": both[n] for n, name in enumerate(("query", "key"))}
    torch.save(tensors | head | views, pickled / "pytorch_model.bin")
    ran = adapt("base", "convert", pickled, "--json")
    assert ran.exit_code == 0, ran.output
    told = json.loads(ran.stdout)
    assert told["unused"] == sorted(head)
    assert told["tensors"] == len(tensors)
    assert np.array_equal(vectors(Path(told["folder"]), texts), vectors(tiny_base, texts))


class Harmful:
    def __reduce__(self) -> tuple:
        return os.mkdir, ("harm",)


@pytest.mark.parametrize(
    "how, message",
    [
        ("code", "holds more than tensors and is not read, because that could run code"),
        ("legacy code", "holds more than tensors and is not read, because that could run code"),
        ("cut", "pytorch_model.bin is damaged"),
        ("empty", "pytorch_model.bin is damaged"),
        ("text", "pytorch_model.bin is damaged"),
        ("number", "is not a mapping from names to tensors: 'epoch' is not one"),
        ("list", "is not a mapping from names to tensors"),
        ("other", "lack"),
    ],
)
def test_what_cannot_be_converted_is_one_line_and_leaves_nothing(
    pickled: Path, how: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = pickled / "pytorch_model.bin"
    tensors, size = torch.load(file, weights_only=True), file.stat().st_size
    {
        "code": lambda: torch.save(tensors | {"x": Harmful()}, file),
        "legacy code": lambda: file.write_bytes(pickle.dumps({"x": Harmful()}, protocol=2)),
        "cut": lambda: file.write_bytes(file.read_bytes()[: size // 2]),
        "empty": lambda: file.write_bytes(b""),
        "text": lambda: file.write_text("version https://git-lfs.github.com/spec/v1\n"),
        "number": lambda: torch.save(tensors | {"epoch": 3}, file),
        "list": lambda: torch.save(list(tensors.values()), file),
        "other": lambda: torch.save({"encoder.layer.0.attention.self.query.weight": torch.ones(32, 32)}, file),
    }[how]()
    ran = adapt("base", "convert", pickled, "-o", tmp_path / "out")
    assert ran.exit_code == 1
    assert message in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pickled"]


def test_folders_that_are_not_to_be_converted_or_overwritten_are_left(tiny_base: Path, pickled: Path, tmp_path: Path) -> None:
    assert "already has its weights as safetensors" in adapt("base", "convert", tiny_base).stderr
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    assert "full already exists and is left unchanged" in adapt("base", "convert", pickled, "-o", tmp_path / "full").stderr
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine"]
    assert "unknown base 'nothing'" in adapt("base", "convert", "nothing").stderr
    (pickled / "pytorch_model.bin").unlink()
    assert "there is nothing to convert" in adapt("base", "convert", pickled).stderr


def test_a_full_disk_is_told_before_anything_is_written(pickled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 10, 0))
    ran = adapt("base", "convert", pickled)
    assert "MB of disk space" in ran.stderr
    assert [path.name for path in pickled.parent.iterdir()] == ["pickled"]


def test_weights_that_do_not_give_the_same_vectors_are_refused(pickled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = convert._write_tensors
    monkeypatch.setattr(convert, "_write_tensors", lambda tensors, path: write({k: v * 1.001 for k, v in tensors.items()}, path))
    ran = adapt("base", "convert", pickled)
    assert "give different vectors" in ran.stderr
    assert [path.name for path in pickled.parent.iterdir()] == ["pickled"]


def test_any_command_names_the_one_that_converts_a_folder(pickled: Path, texts: Path) -> None:
    ran = adapt("encode", "base", texts, "--base", pickled)
    assert ran.exit_code == 1
    assert (
        f"holds no model.safetensors, but a pytorch_model.bin; convert it to safetensors first: adapt base convert {pickled}" in ran.stderr
    )


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A Hub on this machine that serves the files of a folder as bge-m3 at its revision; `asked.txt` beside it lists the files."""
    folder, asked = tmp_path / "hub" / "m3", tmp_path / "hub" / "asked.txt"

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/api/models/"):
                names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
                is_tree = "/tree/" in self.path
                files = [{"type": "file", "path": n, "oid": "0" * 40, "size": (folder / n).stat().st_size} for n in names]
                info = {"id": M3.hub_id, "modelId": M3.hub_id, "sha": M3.revision, "siblings": [{"rfilename": name} for name in names]}
                body = json.dumps(files if is_tree else info).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                return
            with asked.open("a") as file:
                file.write(self.path.split("/")[-1] + "\n")
            super().do_GET()

        def translate_path(self, path: str) -> str:
            return str(folder / path.partition(f"/resolve/{M3.revision}/")[2])

        def end_headers(self) -> None:
            if "/resolve/" in self.path and Path(self.translate_path(self.path)).is_file():
                self.send_header("X-Repo-Commit", M3.revision)
                self.send_header("ETag", f'"{abs(hash(self.path)):x}"')
            super().end_headers()

        def log_message(self, *_: object) -> None:
            pass

    folder.parent.mkdir()
    asked.touch()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler))
    address = f"http://127.0.0.1:{server.server_port}"
    from huggingface_hub import constants, hf_api

    monkeypatch.setenv("HF_ENDPOINT", address)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(hf_api.api, "endpoint", address)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield folder
    server.shutdown()
    server.server_close()


def test_a_base_without_safetensors_is_told_before_it_is_fetched_and_convert_fetches_it(
    hub: Path, tiny_base: Path, texts: Path, tmp_path: Path
) -> None:
    xlmr_base(tiny_base, hub)
    refused = adapt("encode", "base", texts, "--base", "bge-m3")
    assert refused.exit_code == 1
    assert f"at its revision {M3.revision} the Hub has no safetensors of it, but a pytorch_model.bin; fetch and convert" in refused.stderr
    assert (hub.parent / "asked.txt").read_text() == ""
    ran = adapt("base", "convert", "bge-m3", "-o", tmp_path / "m3")
    assert ran.exit_code == 0, ran.output
    asked = (hub.parent / "asked.txt").read_text().split()
    assert "pytorch_model.bin" in asked
    assert "colbert_linear.pt" not in asked
    assert vectors(tmp_path / "m3", texts, "--base-as", "bge-m3").shape == (2, 32)
