"""Base and adapter as one ONNX model: held against torch before it is kept, and what eight bits cost is told."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from adapt_embed.base import load_base, resolve_base
from adapt_embed.base.sentence_files import write_json, write_sentence_files
from adapt_embed.errors import AdapterError, MissingExtraError
from adapt_embed.events import Quiet
from adapt_embed.lora import CONFIG, WEIGHTS, LoraModule, lora_config, write_lora
from adapt_embed.publish.model import int8
from adapt_embed.publish.model.job import ModelReport, prepare_model
from adapt_embed.publish.model.onnx_check import check_onnx
from adapt_embed.publish.model.onnx_run import OnnxEncoder, open_onnx
from adapt_embed.publish.model.request import ModelRequest
from adapt_embed.publish.model.whole import open_whole
from adapt_embed.references import EncoderSettings, LoadedBases, Search, open_encoder, resolve_reference
from adapt_embed.registry import DataRecord, Entry, Registry, base_record
from transformers import AutoTokenizer

MODULE = "encoder.layer.0.attention.self.query"
TEXTS = ["the court", "法律和房东", "who pays the rent? " * 400, "a"]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, tiny_base: Path, toy_folder: Path) -> Registry:
    """legal@1 on the tiny base, trained on the toy data, as its record says."""
    made = Registry(tmp_path_factory.mktemp("onnx") / "registry")
    base = load_base(resolve_base(str(tiny_base)))
    draw = torch.Generator().manual_seed(0)
    factors = {MODULE: LoraModule(torch.randn(2, 32, generator=draw), torch.randn(32, 2, generator=draw), 1.0)}

    def write(folder: Path) -> None:
        write_sentence_files(base, folder)
        write_lora(factors, folder / WEIGHTS)
        write_json(folder / CONFIG, lora_config(factors, str(tiny_base), None))

    data = DataRecord(source=str(toy_folder), language="en")
    described: dict[str, Any] = {"pooling": "cls", "prompts": base.encoding.prompts, "data": data}
    made.add(Entry(kind="adapter", name="legal", bases=(base_record(base.spec),), **described), write)
    return made


@pytest.fixture(scope="module")
def exported(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> ModelReport:
    """The one export that these tests share: an export takes seconds."""
    folder = tmp_path_factory.mktemp("exported") / "模型"
    return prepare_model(request_of(registry, folder, int8=True)).run()


def request_of(registry: Registry, folder: Path, **more: Any) -> ModelRequest:
    return ModelRequest(reference="legal", folder=folder, format="onnx", where=Search(registry=registry), **more)


def vectors(registry: Registry, role: Any) -> np.ndarray:
    resolved = resolve_reference("legal", Search(registry=registry))
    return open_encoder(resolved, LoadedBases(EncoderSettings(precision="fp32"))).encode(TEXTS, role).vectors


def test_the_folder_is_laid_out_as_others_read_it(exported: ModelReport) -> None:
    files = set(exported.files)
    assert {"onnx/model.onnx", "onnx/model_int8.onnx", "config.json", "tokenizer.json", "tokenizer_config.json", "modules.json"} <= files
    assert {"1_Pooling/config.json", "2_Normalize/config.json", "config_sentence_transformers.json", "README.md"} <= files
    assert "model.safetensors" not in files
    pooling = json.loads((exported.folder / "1_Pooling" / "config.json").read_text())
    assert pooling["pooling_mode_cls_token"] is True
    assert json.loads((exported.folder / "config_sentence_transformers.json").read_text())["prompts"]["query"] == "find: "


def test_the_graph_takes_what_the_tokenizer_gives_in_any_batch_and_length(exported: ModelReport) -> None:
    session = onnxruntime.InferenceSession(exported.folder / "onnx" / "model.onnx", providers=["CPUExecutionProvider"])
    assert [each.name for each in session.get_inputs()] == ["input_ids", "attention_mask", "token_type_ids"]
    assert {tuple(each.shape) for each in session.get_inputs()} == {("batch_size", "sequence_length")}
    (states,) = session.get_outputs()
    assert (states.name, states.shape) == ("last_hidden_state", ["batch_size", "sequence_length", 32])
    tokenizer = AutoTokenizer.from_pretrained(exported.folder)
    for texts in (["a"], TEXTS, TEXTS * 3):
        given = tokenizer(texts, padding=True, truncation=True, return_tensors="np")
        assert session.run(None, dict(given))[0].shape == (*given["input_ids"].shape, 32)


@pytest.mark.parametrize("role", ["query", "document"])
def test_onnxruntime_gives_the_adapters_vectors(registry: Registry, exported: ModelReport, role: Any) -> None:
    """With nothing of adapt's: the tokenizer of the folder, the prompt, the first token's state, scaled to length 1."""
    session = onnxruntime.InferenceSession(exported.folder / "onnx" / "model.onnx", providers=["CPUExecutionProvider"])
    prompts = json.loads((exported.folder / "config_sentence_transformers.json").read_text())["prompts"]
    tokenizer = AutoTokenizer.from_pretrained(exported.folder)
    given = tokenizer([prompts[role] + text for text in TEXTS], padding=True, truncation=True, return_tensors="np")
    first = session.run(None, dict(given))[0][:, 0]
    ours = first / np.linalg.norm(first, axis=1, keepdims=True)
    assert given["input_ids"].shape[1] == 512
    np.testing.assert_allclose(ours, vectors(registry, role), rtol=0, atol=1e-5)


def test_what_was_checked_is_told(exported: ModelReport) -> None:
    near = exported.agreement
    assert near is not None
    assert near.cosine >= 0.9999
    assert near.longest == 512
    assert len(near.batches) >= 3
    text = (exported.folder / "README.md").read_text(encoding="utf-8")
    assert "over texts of up to 512 tokens" in text


def test_eight_bits_are_scored_on_the_versions_own_dev_data(exported: ModelReport, toy_folder: Path) -> None:
    loss = exported.loss
    assert loss is not None
    assert (loss.dev, loss.metric) == (toy_folder.name, "nDCG@10")
    assert loss.fp32 is not None
    assert loss.int8 is not None
    assert 0.99 < loss.least_cosine <= loss.cosine <= 1.0001
    assert loss.cosine < 1  # it is another graph
    sizes = [exported.files[name] for name in ("onnx/model_int8.onnx", "onnx/model.onnx")]
    assert sizes[0] < sizes[1]
    graph = onnx.load(exported.folder / "onnx" / "model_int8.onnx").graph
    kinds = [node.op_type for node in graph.node]
    assert kinds.count("MatMulInteger") == 12  # the six linear layers of each of the two
    scales = [tensor for tensor in graph.initializer if tensor.name.endswith("_scale") and tensor.dims == [64]]
    assert scales  # a scale for each column


def test_dev_data_that_were_asked_for_are_taken_and_others_are_told_missing(registry: Registry, tmp_path: Path) -> None:
    entry = registry.find("legal")
    found = int8.find_dev("legal", entry, "zh", Quiet())
    assert found is not None
    assert found[0] == "legal"
    notes: list[str] = []

    class Told(Quiet):
        def note(self, text: str) -> None:
            notes.append(text)

    gone = Entry(kind="adapter", name="x", bases=entry.bases, data=DataRecord(source=str(tmp_path)))
    assert int8.find_dev(None, gone, "en", Told()) is None
    assert len(notes) == 1
    assert notes[0].startswith("note: the data of its training are not at hand (")
    assert int8.find_dev(None, Entry(kind="adapter", name="x", bases=entry.bases), "en", Told()) is None


def test_without_dev_data_the_nearness_to_float32_is_told(registry: Registry, exported: ModelReport) -> None:
    whole = open_whole(resolve_reference("legal", Search(registry=registry)))
    whole.merge()
    graphs = [open_onnx(exported.folder / "onnx" / name, whole.base) for name in ("model.onnx", "model_int8.onnx")]
    loss = int8.measure_loss(graphs[0], graphs[1], whole, None)
    assert (loss.dev, loss.fp32, loss.int8) == (None, None, None)
    assert exported.loss is not None
    assert loss.cosine == pytest.approx(exported.loss.cosine, abs=1e-6)


class Turned:
    """A session whose states are another network's."""

    def __init__(self, session: Any) -> None:
        self.session = session

    def get_inputs(self) -> Any:
        return self.session.get_inputs()

    def run(self, names: Any, given: Any) -> list[np.ndarray]:
        return [states + 0.05 * np.sin(np.arange(states.shape[-1], dtype=np.float32)) for states in self.session.run(names, given)]


def test_a_graph_with_other_vectors_is_refused(registry: Registry, exported: ModelReport) -> None:
    whole = open_whole(resolve_reference("legal", Search(registry=registry)))
    whole.merge()
    right = open_onnx(exported.folder / "onnx" / "model.onnx", whole.base)
    assert check_onnx(right, whole).cosine >= 0.9999
    with pytest.raises(
        AdapterError, match=r"gives other vectors than legal@1 \(cosine 0\.9\d+, at least 0\.9999 is needed\) and was not kept"
    ):
        check_onnx(OnnxEncoder(Turned(right.session), whole.base), whole)


def test_a_network_that_cannot_be_exported_is_an_error_of_one_line_and_leaves_nothing(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise torch.onnx.OnnxExporterError("no such operator\nand a hundred lines")

    monkeypatch.setattr(torch.onnx, "export", fail)
    with pytest.raises(AdapterError, match=r"tiny-base is a bert, which torch cannot export to ONNX \(no such operator\)$"):
        prepare_model(request_of(registry, tmp_path / "m")).run()
    assert not list(tmp_path.iterdir())


def test_a_missing_package_is_one_line_with_the_command(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "onnxscript" else find(name, *more))
    with pytest.raises(MissingExtraError, match=r'--onnx needs an optional package: pip install "adapt-embed\[onnx\]"'):
        prepare_model(request_of(registry, tmp_path / "m"))


def test_the_exporters_own_words_stay_away(registry: Registry, tmp_path: Path) -> None:
    """The command prints its result on stdout, and nothing at all on stderr; weights too large for the file of the graph lie beside it."""
    code = (
        "from adapt_embed.publish.model import onnx_export; onnx_export.LARGEST_BYTES = 1000\n"
        "from adapt_embed.cli import life; life.LINE_EVERY_S = 600\nfrom adapt_embed.cli import main; main()"
    )
    words = ["export", "legal", "--onnx", str(tmp_path / "m"), "--int8", "--registry", str(registry.home)]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, env=os.environ)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "legal@1 on tiny-base as one ONNX model"
    assert "checked: cosine to torch at least 1.000000" in lines[2]
    assert lines[3].startswith("int8: nDCG@10 on dev of beir 0.")
    assert (tmp_path / "m" / "onnx" / "model.onnx.data").stat().st_size > 100_000


@pytest.mark.shared
@pytest.mark.slow
def test_a_real_base_as_onnx(shared: Path, tmp_path: Path, registry: Registry) -> None:
    where = Search(registry=registry, base=str(shared / "bases" / "bge-small-en-v1.5"))
    report = prepare_model(ModelRequest(reference="base", folder=tmp_path / "m", format="onnx", where=where)).run()
    assert report.agreement is not None
    assert report.agreement.cosine >= 0.99999
