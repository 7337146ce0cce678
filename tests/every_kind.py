"""A registry with a version of every kind, made without training: what a push sends is tried on it."""

from dataclasses import replace
from pathlib import Path

import torch
from adapt_embed.base import load_base, resolve_base
from adapt_embed.base.sentence_files import write_json, write_sentence_files
from adapt_embed.data.training_texts import TRAINING_TEXTS, sketch_texts, write_sketch
from adapt_embed.ensemble.job import prepare_ensemble
from adapt_embed.ensemble.request import EnsembleRequest
from adapt_embed.lora import LoraModule, lora_config, write_lora
from adapt_embed.merge import prepare_merge
from adapt_embed.merge.request import MergeRequest
from adapt_embed.references import Search
from adapt_embed.registry import DataRecord, Entry, Registry, ScoreRecord, base_record, open_registry
from adapt_embed.registry.router_folder import write_routes


def make_every_kind(home: Path, tiny_base: Path, second_base: Path, toy_data: object) -> Registry:
    """Fill a registry: adapters `法律`, `med` and (on the second base) `other`, the merge `both`, and ensembles of every way."""
    registry = open_registry(home)
    for seed, (name, folder) in enumerate({"法律": tiny_base, "med": tiny_base, "other": second_base}.items()):
        add_adapter(registry, name, folder, seed, toy_data)
    add_adapter(registry, "questions", tiny_base, 3, toy_data, side="query")
    where = Search(registry=registry)
    prepare_merge(MergeRequest(references=("法律", "med"), where=where, name="both")).run()
    ensembles = {
        "all": (("法律", "med", "base"), {"where": replace(where, base=str(tiny_base))}),
        "ranks": (("法律", "med"), {"mode": "rrf"}),
        "across": (("法律", "other"), {}),
        "short": (("法律", "both"), {"dim": 8, "texts": [f"text {n} 第{n}条" for n in range(40)]}),
    }
    for name, (members, options) in ensembles.items():
        prepare_ensemble(EnsembleRequest(references=members, name=name, **{"where": where, **options})).run()
    return registry


def add_adapter(registry: Registry, name: str, folder: Path, seed: int, toy_data: object, **more: object) -> Entry:
    """Register factors that were drawn, with everything that training leaves beside them."""
    base = load_base(resolve_base(str(folder)))
    draw = torch.Generator().manual_seed(seed)
    modules = ("encoder.layer.0.attention.self.query", "encoder.layer.1.attention.output.dense")
    factors = {each: LoraModule(torch.randn(2, 32, generator=draw), torch.randn(32, 2, generator=draw), 0.1) for each in modules}
    draft = Entry(
        kind="adapter",
        name=name,
        domain="legal",
        bases=(base_record(base.spec),),
        pooling=base.encoding.pooling,
        prompts=base.encoding.prompts,
        method="lora",
        rank=2,
        targets=("query", "attention.output.dense"),
        config={"rank": 2, "device": "cpu", "libraries": {"torch": "2"}},
        seed=seed,
        data=DataRecord(source=str(folder.parent / "beir"), fingerprint="f" * 64, language="en", notes=(f"{folder}/x.jsonl: not used",)),
        scores={"dev": ScoreRecord(metric="nDCG@10", before=0.25, after=0.5)},
        **more,
    )

    def write(target: Path) -> None:
        write_sentence_files(base, target)
        write_lora(factors, target / "adapter_model.safetensors")
        write_json(target / "adapter_config.json", lora_config(factors, *base_record(base.spec).loading_name))
        if more.get("side") == "query":
            write_routes(target)
        write_json(target / "history.json", {"losses": [1.0], "looks": [], "of": str(folder)})
        write_json(target / "trainer_state.json", {"best_model_checkpoint": str(folder)})
        write_sketch(sketch_texts(toy_data), target / TRAINING_TEXTS)

    return registry.add(draft, write)
