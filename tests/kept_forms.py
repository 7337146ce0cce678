"""Versions of every form in which what was trained is kept: factors, biases, both, and a whole model. Made without training."""

from __future__ import annotations

from pathlib import Path

import torch
from adapt_embed.base import Base, load_base, resolve_base
from adapt_embed.base.head import Head
from adapt_embed.base.load import with_head
from adapt_embed.base.model_folder import write_model
from adapt_embed.base.sentence_files import write_sentence_files
from adapt_embed.lora import LoraFactors, LoraModule, OwnBiases, bias_update, write_adapter
from adapt_embed.registry import DataRecord, Entry, Registry, base_record
from adapt_embed.registry.router_folder import write_routes

MODULES = ("encoder.layer.0.attention.self.query", "encoder.layer.1.attention.output.dense")
BIASES = (
    "embeddings.LayerNorm.bias",
    "encoder.layer.0.attention.self.query.bias",
    "encoder.layer.1.attention.output.LayerNorm.bias",
    "encoder.layer.1.intermediate.dense.bias",
    "encoder.layer.1.attention.output.dense.bias",
)
FORMS = ("factors", "biases", "both", "model")
TEXTS = ["who pays the rent?", "租客要归还什么？", "water " * 600, "房东应当负责修理 the heating"]


def load(folder: Path) -> Base:
    return load_base(resolve_base(str(folder)))


def own_biases(base: Base) -> OwnBiases:
    return OwnBiases(values=base.network.own_biases(), filler=base.network.first_linear())


def changes(base: Base, form: str, seed: int = 0, modules: tuple[str, ...] = MODULES) -> LoraFactors:
    """Draw factors of linear modules, changes of biases, or both."""
    draw = torch.Generator().manual_seed(seed)
    own = base.network.own_biases()
    matrices = {each: LoraModule(torch.randn(2, 32, generator=draw), torch.randn(32, 2, generator=draw), 0.1) for each in modules}
    biases = {each: bias_update(torch.randn(own[each].shape, generator=draw) * 0.5) for each in BIASES}
    return {"factors": matrices, "biases": biases, "both": matrices | biases}[form]


def write_changes(base: Base, folder: Path, factors: LoraFactors, dtype: torch.dtype = torch.float16) -> Path:
    folder.mkdir(exist_ok=True)
    write_sentence_files(base, folder)
    write_adapter(factors, folder, *base_record(base.spec).loading_name, dtype=dtype, own=own_biases(base))
    return folder


def parameters(base: Base, seed: int = 0) -> dict[str, torch.Tensor]:
    """Draw other values of some parameters of every kind: an embedding, a matrix, a LayerNorm's weight, a bias."""
    draw = torch.Generator().manual_seed(100 + seed)
    kinds = ("embeddings.word_embeddings.weight", f"{MODULES[0]}.weight", "encoder.layer.1.output.LayerNorm.weight", BIASES[0])
    own = dict(base.model.named_parameters())
    return {each: own[each].detach() + 0.2 * torch.randn(own[each].shape, generator=draw) for each in kinds}


def register(registry: Registry, name: str, folder: Path, form: str, seed: int = 0, head: Head | None = None, **more: object) -> Entry:
    """Register a version of a form on the base in a folder, under a projection head or none."""
    base = with_head(load(folder), head)
    draft = Entry(
        kind="model" if form == "model" else "adapter",
        name=name,
        domain="legal",
        bases=(base_record(base.spec),),
        pooling=base.encoding.pooling,
        prompts=base.encoding.prompts,
        method={"factors": "lora", "both": "full", "biases": "bitfit", "model": "full"}[form],
        rank=2 if form in ("factors", "both") else None,
        config={"device": "cpu"} | ({"head": head.width} if head else {}),
        data=DataRecord(source="sample:legal/zh", fingerprint="f" * 64, language="zh", licence="cc-by-4.0"),
        **more,
    )

    def write(target: Path) -> None:
        if form == "model":
            write_model(base, target, parameters(base, seed))
            return
        write_changes(base, target, changes(base, form, seed))
        if more.get("side") == "query":
            write_routes(target)

    return registry.add(draft, write)
