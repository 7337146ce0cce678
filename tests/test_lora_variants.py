"""The variants of LoRA: scales, starts, DoRA. Each begins as the base, leaves it as it was, and is kept as plain factors."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from adapt_embed.adapters import Checkpoint, TrainConfig, TrainResult, config_from, plan_training, train_adapter
from adapt_embed.adapters.after.grams import GramRequest, collect_grams, draw_texts, measure_grams
from adapt_embed.adapters.fused_layers import fused
from adapt_embed.adapters.optimisers import OPTIMISERS
from adapt_embed.adapters.register import register_adapter
from adapt_embed.adapters.regularisers import add_squares
from adapt_embed.adapters.settings.starts import STARTS as STARTS_TABLE
from adapt_embed.adapters.strategies.lora import LoraStrategy
from adapt_embed.adapters.strategies.lora_layers import NAME, lora_layers
from adapt_embed.adapters.strategies.table import open_strategy, put_in
from adapt_embed.base import Base, load_base, resolve_base
from adapt_embed.data.pairs import TrainingData
from adapt_embed.encoders import LoraEncoder
from adapt_embed.encoders.forward import embed
from adapt_embed.errors import AdaptError, ConfigError, RequestError
from adapt_embed.events import Step
from adapt_embed.lora import LoraModule, factors_sha256, read_lora
from adapt_embed.lora.grams import gram_error
from adapt_embed.merge import MergeRequest, prepare_merge
from adapt_embed.registry import open_registry
from torch import Tensor, nn

TEXTS = ["the court", "a tenant and the judge", "合同"]
IDS = [[2, 7, 8, 9, 10, 11, 12, 3], [2, 40, 41, 3], [2, 5, 3]]
STARTS: list[dict[str, Any]] = [{"init": name} for name in ("gaussian", "orthogonal", "pissa", "pissa_niter_2", "olora")]
FROM_BASE = STARTS[2:]
OTHERS: list[dict[str, Any]] = [
    {"rslora": True},
    {"dora": True},
    {"dora": True, "rslora": True, "init": "gaussian"},
    {"init": "pissa", "rslora": True, "layers": "last:1", "targets": ("query", "output.dense")},
    {"dora": True, "layers": "0"},
]
VARIANTS = [*STARTS, *OTHERS]
every_variant = pytest.mark.parametrize("settings", VARIANTS, ids=lambda each: ",".join(f"{key}={value}" for key, value in each.items()))
every_kind = pytest.mark.parametrize("settings", [STARTS[1], STARTS[3], STARTS[4], OTHERS[0], OTHERS[2], OTHERS[3]])
"""Of each kind of folder one."""


def quick(**settings: Any) -> TrainConfig:
    plain = {"epochs": 1, "batch_size": 32, "max_tokens": 16, "precision": "fp32", "learning_rate": 1e-2, "rank": 4, "temperature": 0.05}
    return config_from(plain | settings)


def vectors_of(base: Base, **options: Any) -> np.ndarray:
    return LoraEncoder(base, precision="fp32", max_tokens=16, **options).encode(TEXTS, "query").vectors


def nudge(parameters: list[nn.Parameter], share: float = 0.01) -> None:
    """Change parameters a little, as training does."""
    draw = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in parameters:
            parameter.add_(torch.randn(parameter.shape, generator=draw) * share * parameter.abs().mean().clamp(min=0.1))


def weights_of(base: Base) -> dict[str, Tensor]:
    return {name: parameter.detach().clone() for name, parameter in base.model.named_parameters()}


def difference(layer: Any, own: Tensor) -> Tensor:
    """By what a layer without lengths of its own computes another product than the base, in float64."""
    a, b = layer.lora_A[NAME].weight.detach().double(), layer.lora_B[NAME].weight.detach().double()
    return layer.get_base_layer().weight.double() + layer.scaling[NAME] * (b @ a) - own.double()


# The base


@every_variant
def test_training_begins_with_the_vectors_of_the_base(loaded_tiny_base: Base, settings: dict[str, Any]) -> None:
    before, strategy = vectors_of(loaded_tiny_base), open_strategy(quick(**settings))
    with put_in(strategy, loaded_tiny_base):
        strategy.training(False)
        assert np.abs(vectors_of(loaded_tiny_base) - before).max() < 1e-6
        with strategy.as_stored():
            stored = vectors_of(loaded_tiny_base)
    assert np.abs(stored - before).max() < (1e-6 if settings.get("init") == "orthogonal" else 1e-12)


@every_kind
def test_the_base_is_the_same_bits_after_a_run(loaded_tiny_base: Base, toy_data: TrainingData, settings: dict[str, Any]) -> None:
    before, weights, modules = vectors_of(loaded_tiny_base), weights_of(loaded_tiny_base), dict(loaded_tiny_base.model.named_modules())
    config = quick(**settings)
    trained = open_strategy(config).as_read(train_adapter(loaded_tiny_base, toy_data, config).trained)
    after = weights_of(loaded_tiny_base)
    assert after.keys() == weights.keys()
    assert all(torch.equal(after[name], weight) for name, weight in weights.items())
    assert dict(loaded_tiny_base.model.named_modules()) == modules
    assert np.array_equal(vectors_of(loaded_tiny_base), before)
    assert np.abs(vectors_of(loaded_tiny_base, factors=trained) - before).max() > 1e-3


@pytest.mark.parametrize("settings", [{"init": "olora"}, {"dora": True}])
def test_the_base_comes_back_where_training_fails(loaded_tiny_base: Base, toy_data: TrainingData, settings: dict[str, Any]) -> None:
    def fail(_: Step) -> None:
        raise KeyError

    weights = weights_of(loaded_tiny_base)
    with pytest.raises(KeyError):
        train_adapter(loaded_tiny_base, toy_data, quick(**settings), on_step=fail)
    assert all(torch.equal(after, weights[name]) for name, after in weights_of(loaded_tiny_base).items())


# The settings


@pytest.mark.parametrize("settings", STARTS)
def test_each_start_is_another(loaded_tiny_base: Base, settings: dict[str, Any]) -> None:
    def start(**settings: Any) -> Tensor:
        with put_in(open_strategy(quick(targets=("query",), **settings)), loaded_tiny_base) as parameters:
            return torch.cat([parameter.detach().flatten() for parameter in parameters])

    assert not torch.allclose(start(**settings), start(), atol=1e-3)
    assert torch.equal(start(**settings), start(**settings))


def test_a_start_from_the_base_takes_its_largest_part(loaded_tiny_base: Base) -> None:
    strategy = open_strategy(quick(init="pissa", targets=("query",)))
    with put_in(strategy, loaded_tiny_base):
        own = strategy._former.own  # type: ignore[attr-defined]
        for name, layer in lora_layers(loaded_tiny_base).items():
            values = torch.linalg.svdvals(own[name])
            assert torch.linalg.svdvals(layer.get_base_layer().weight)[0] == pytest.approx(float(values[4]), rel=1e-4)


def test_rslora_divides_alpha_by_the_root_of_the_rank(loaded_tiny_base: Base, toy_data: TrainingData) -> None:
    def train(**settings: Any) -> str:
        return factors_sha256(train_adapter(loaded_tiny_base, toy_data, quick(**settings)).factors)

    assert train(rslora=True, alpha=8) == train(alpha=16)
    assert train(rslora=True, alpha=16) != train(alpha=16)


def test_dora_trains_a_length_for_each_row(loaded_tiny_base: Base, toy_data: TrainingData) -> None:
    plain, dora = (plan_training(loaded_tiny_base, toy_data, quick(targets=("query",), dora=dora)) for dora in (False, True))
    assert dora.parameters == plain.parameters + 2 * 32
    assert dora.file_bytes == plain.file_bytes


@pytest.mark.parametrize("settings", [*FROM_BASE, {"dora": True}])
def test_what_begins_as_numbers_of_the_base_does_not_decay_to_zero(loaded_tiny_base: Base, settings: dict[str, Any]) -> None:
    config = quick(**settings)
    strategy = open_strategy(config)
    with put_in(strategy, loaded_tiny_base) as parameters:
        groups = OPTIMISERS["adamw"].make(strategy.trained(), config).param_groups
        still = {id(parameter) for group in groups if not group["weight_decay"] for parameter in group["params"]}
        names = {name for name, parameter in loaded_tiny_base.model.named_parameters() if id(parameter) in still}
        trained = {name for name, parameter in loaded_tiny_base.model.named_parameters() if parameter.requires_grad}
        for parameter in parameters:
            parameter.grad = torch.zeros_like(parameter)
        add_squares(strategy.trained(), 0.5)
        assert all(not parameter.grad.any() for name, parameter in loaded_tiny_base.model.named_parameters() if name in names)  # type: ignore[union-attr]
    assert names == ({name for name in trained if "magnitude" in name} if "dora" in settings else trained)
    assert names


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"init": "pisa"}, r"unknown init 'pisa'\. Did you mean pissa.*Known: default, gaussian, orthogonal, pissa, olora, pissa_niter_4"),
        ({"init": "pissa_niter_x"}, "unknown init 'pissa_niter_x'"),
        ({"init": "eva"}, "unknown init 'eva'"),
        ({"init": "orthogonal", "rank": 5}, "init=orthogonal needs an even rank, and rank is 5; take 6"),
        ({"init": "pissa", "dora": "true"}, "dora trains the lengths of the base's matrices, and init=pissa takes a part out of them"),
        ({"init": "olora", "l1": 0.1}, "l1 pulls what is trained to zero, and with init=olora that begins as numbers of the base"),
        ({"dora": "true", "l1": 0.1}, "l1 pulls .* with dora=true"),
        ({"init": "pissa", "dropout": 0.1}, "dropout would fall on the part of the base that init=pissa trains"),
        ({"strategy": "full", "dora": "true"}, "the strategy full does not read dora"),
        ({"strategy": "bitfit", "init": "pissa"}, "the strategy bitfit does not read init"),
    ],
)
def test_what_does_not_fit_is_refused_without_a_base(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(AdaptError, match=message) as caught:
        config_from(settings)
    assert isinstance(caught.value, ConfigError | RequestError)
    assert "\n" not in str(caught.value)


def test_a_rank_that_a_matrix_does_not_have_is_refused_and_the_base_stays(loaded_tiny_base: Base, toy_data: TrainingData) -> None:
    weights = weights_of(loaded_tiny_base)
    with pytest.raises(ConfigError, match=r"rank is 33, and init=pissa takes .*: encoder\.layer\.0\..*query has 32; lower rank"):
        train_adapter(loaded_tiny_base, toy_data, quick(init="pissa", rank=33))
    assert all(torch.equal(after, weights[name]) for name, after in weights_of(loaded_tiny_base).items())


# What is kept


@pytest.mark.parametrize("settings", [{"init": "orthogonal"}, *FROM_BASE, OTHERS[3]])
@pytest.mark.parametrize(("store", "tolerance"), [("fp32", 1e-5), ("fp16", 1e-3)])
def test_what_is_kept_is_the_difference_to_the_base(loaded_tiny_base: Base, settings: dict[str, Any], store: str, tolerance: float) -> None:
    strategy = open_strategy(quick(store=store, **settings))
    weights = weights_of(loaded_tiny_base)
    with put_in(strategy, loaded_tiny_base) as parameters:
        nudge(parameters)
        exact = {name: difference(layer, weights[f"{name}.weight"]) for name, layer in lora_layers(loaded_tiny_base).items()}
        kept: dict[str, LoraModule] = strategy.as_read(strategy.read_out())  # type: ignore[assignment]
    assert kept.keys() == exact.keys()
    for name, module in kept.items():
        found = module.scale * (module.b.double() @ module.a.double())
        assert torch.linalg.norm(found - exact[name]) < tolerance * torch.linalg.norm(exact[name])


@every_variant
def test_dev_scores_are_of_what_the_file_holds(loaded_tiny_base: Base, tmp_path: Path, settings: dict[str, Any]) -> None:
    strategy = open_strategy(quick(**settings))
    with put_in(strategy, loaded_tiny_base) as parameters:
        nudge(parameters)
        strategy.training(False)
        trained = strategy.read_out()
        with strategy.as_stored():
            here = vectors_of(loaded_tiny_base)
    strategy.write(trained, tmp_path, loaded_tiny_base)
    assert np.array_equal(vectors_of(loaded_tiny_base, factors=read_lora(tmp_path)), here)


@pytest.mark.parametrize("settings", [each for each in VARIANTS if "dora" not in each])
def test_what_is_read_out_and_in_again_is_the_same_bits(loaded_tiny_base: Base, settings: dict[str, Any]) -> None:
    first, second = (open_strategy(quick(**settings)) for _ in range(2))
    with put_in(first, loaded_tiny_base) as parameters:
        nudge(parameters)
        trained, expected = first.read_out(), [parameter.detach().clone() for parameter in parameters]
    with put_in(second, loaded_tiny_base) as parameters:
        assert not torch.equal(parameters[0], expected[0])
        second.read_in(trained)
        assert all(torch.equal(one, other) for one, other in zip(parameters, expected, strict=True))


def test_factors_that_began_elsewhere_are_not_read_in(loaded_tiny_base: Base) -> None:
    plain, taken = open_strategy(quick()), open_strategy(quick(init="pissa"))
    with put_in(plain, loaded_tiny_base):
        trained = plain.read_out()
    with put_in(taken, loaded_tiny_base), pytest.raises(ValueError, match=r"query have rank 4; expected those of twice 4"):
        taken.read_in(trained)


@pytest.mark.parametrize("settings", [{"init": "pissa"}, {"dora": True}])
def test_gram_matrices_are_of_the_network_with_what_is_kept(
    loaded_tiny_base: Base, toy_data: TrainingData, settings: dict[str, Any]
) -> None:
    config = quick(store="fp32", targets=("query", "output.dense"), **settings)
    result = train_adapter(loaded_tiny_base, toy_data, config)
    measured = measure_grams(loaded_tiny_base, result.trained, toy_data, config, GramRequest(rank="full"))
    loaded_tiny_base.network.merge_weights("kept", {name: module.delta() for name, module in result.factors.items()})
    texts = draw_texts(toy_data, config.seed, config.side)
    expected = collect_grams(loaded_tiny_base, result.trained, texts, config).matrices
    assert measured.stored.keys() == result.factors.keys()
    for name, gram in expected.items():
        assert gram_error(gram, measured.stored[name]) < 1e-4


def test_of_dora_what_is_kept_is_read_in(loaded_tiny_base: Base) -> None:
    first, second = (open_strategy(quick(dora=True)) for _ in range(2))
    with put_in(first, loaded_tiny_base) as parameters:
        nudge(parameters)
        trained = first.read_out()
    with put_in(second, loaded_tiny_base):
        second.read_in(trained)
        found = vectors_of(loaded_tiny_base)
    assert np.abs(found - vectors_of(loaded_tiny_base, factors=trained)).max() < 1e-6


def test_dora_tells_what_its_factors_keep(loaded_tiny_base: Base) -> None:
    shares = []
    for rank in (2, 32):
        strategy = open_strategy(quick(dora=True, rank=rank))
        with put_in(strategy, loaded_tiny_base) as parameters:
            strategy.training(False)
            untrained = strategy.energy(strategy.read_out())
            nudge(parameters)
            live, trained = vectors_of(loaded_tiny_base), strategy.read_out()
            energy = strategy.energy(trained)
        assert untrained is not None
        assert energy is not None
        assert untrained.share == 1
        shares.append(energy.share)
    assert 0.05 < shares[0] < 0.9
    assert shares[1] == pytest.approx(1, abs=1e-6)  # as many dimensions as the matrix has
    assert np.abs(vectors_of(loaded_tiny_base, factors=trained) - live).max() < 1e-5


class Killed(BaseException):
    """Stands for a kill."""


@pytest.mark.parametrize("settings", [{"init": "pissa"}, {"dora": True}])
def test_a_run_that_was_killed_ends_as_the_uninterrupted_one(
    tiny_base: Path, toy_data: TrainingData, tmp_path: Path, settings: dict[str, Any]
) -> None:
    def run(resume: bool = False, stop: int | None = None, folder: Path | None = tmp_path) -> TrainResult:
        def on_step(progress: Step) -> None:
            if progress.step == stop:
                raise Killed

        checkpoint = Checkpoint(folder, every_s=0.0) if folder else None
        config = quick(eval_steps=2, batch_size=16, **settings)
        return train_adapter(
            load_base(resolve_base(str(tiny_base))), toy_data, config, checkpoint=checkpoint, resume=resume, on_step=on_step
        )

    expected = run(folder=None)
    with pytest.raises(Killed):
        run(stop=3)
    resumed = run(resume=True)
    assert (resumed.losses, resumed.evaluations) == (expected.losses, expected.evaluations)
    assert factors_sha256(resumed.factors) == factors_sha256(expected.factors)


# In a folder


@every_kind
def test_peft_and_sentence_transformers_give_our_vectors(
    tiny_base: Path, toy_data: TrainingData, tmp_path: Path, settings: dict[str, Any]
) -> None:
    sentence_transformers = pytest.importorskip("sentence_transformers")
    from peft import PeftModel
    from transformers import AutoModel, AutoTokenizer

    config, base, registry = quick(**settings), load_base(resolve_base(str(tiny_base))), open_registry(tmp_path / "registry")
    entry = register_adapter(registry, "toy", "legal", base, toy_data, config, train_adapter(base, toy_data, config))
    folder = registry.folder(entry)
    factors = read_lora(folder)
    assert (
        entry.rank
        == max(module.rank for module in factors.values())
        == (8 if str(settings.get("init")).startswith(("pissa", "olora")) else 4)
    )
    ours = LoraEncoder(base, factors, precision="fp32").encode(TEXTS, "document").vectors
    theirs = sentence_transformers.SentenceTransformer(str(folder), device="cpu").encode_document(TEXTS)
    assert np.abs(theirs - ours).max() < 1e-6
    model = PeftModel.from_pretrained(AutoModel.from_pretrained(tiny_base), folder).eval()
    batch = AutoTokenizer.from_pretrained(folder)(TEXTS, padding=True, return_tensors="pt")
    with torch.inference_mode():
        of_peft = nn.functional.normalize(model(**batch).last_hidden_state[:, 0], dim=-1).numpy()
    assert np.abs(of_peft - ours).max() < 1e-6
    assert np.abs(vectors_of(base, factors=factors) - vectors_of(base)).max() > 1e-3


def test_adapters_of_several_variants_are_merged(tiny_base: Path, toy_data: TrainingData) -> None:
    base, registry, kept = load_base(resolve_base(str(tiny_base))), open_registry(), []
    for name, settings in (("plain", {}), ("pissa", {"init": "pissa"}), ("dora", {"dora": True})):
        config = quick(store="fp32", **settings)
        kept.append(
            read_lora(
                registry.folder(register_adapter(registry, name, "legal", base, toy_data, config, train_adapter(base, toy_data, config)))
            )
        )
    merged = prepare_merge(MergeRequest(references=("plain", "pissa", "dora"), method="linear", rank="full", store="fp32")).run().factors
    assert merged.keys() == kept[0].keys()
    for name, module in merged.items():
        assert torch.allclose(module.delta(), sum(each[name].delta() for each in kept) / 3, atol=1e-6)


def test_dora_for_queries_alone_leaves_documents_to_the_base(loaded_tiny_base: Base, toy_data: TrainingData) -> None:
    result = train_adapter(loaded_tiny_base, toy_data, quick(dora=True, side="query", batch_size=16))
    assert result.energy is not None
    assert result.losses[-1] < result.losses[0]


# The fast path


def gradients(base: Base, parameters: list[nn.Parameter], precision: Any = "fp32") -> Tensor:
    for parameter in parameters:
        parameter.grad = None
    vectors = embed(base, IDS, precision)
    vectors.backward(torch.linspace(-1, 1, vectors.numel()).reshape(vectors.shape))
    return torch.cat([parameter.grad.flatten() for parameter in parameters if parameter.grad is not None])


@pytest.mark.parametrize("settings", [{}, *VARIANTS, {"dropout": 0.1}])
def test_the_fast_path_gives_pefts_gradients(loaded_tiny_base: Base, settings: dict[str, Any]) -> None:
    strategy = open_strategy(quick(**settings))
    assert isinstance(strategy, LoraStrategy)
    with put_in(strategy, loaded_tiny_base) as parameters:
        nudge(parameters, share=0.3)
        expected = gradients(loaded_tiny_base, parameters)
        with fused(loaded_tiny_base, torch.float32):
            layers = lora_layers(loaded_tiny_base).values()
            assert all(("forward" in vars(layer)) != bool(settings.get("dora") or settings.get("dropout")) for layer in layers)
            found = gradients(loaded_tiny_base, parameters)
    assert len(found) == sum(parameter.numel() for parameter in parameters)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))


@pytest.mark.parametrize("settings", [{"dora": True}, {"init": "pissa"}])
def test_in_half_precision_gradients_are_near_enough(loaded_tiny_base: Base, settings: dict[str, Any]) -> None:
    from adapt_embed.adapters.fused_layers import fast_layers

    with put_in(open_strategy(quick(**settings)), loaded_tiny_base) as parameters:
        nudge(parameters)
        found = []
        for precision in ("fp32", "bf16"):
            with fast_layers(loaded_tiny_base, precision):  # type: ignore[arg-type]
                found.append(gradients(loaded_tiny_base, parameters, precision))
    assert torch.cosine_similarity(*found, dim=0) > 0.99
    assert not torch.equal(*found)


def test_a_run_is_named_by_its_variant() -> None:
    plain = TrainConfig()
    names = ("rslora", "init", "dora", "layers")
    assert not plain.identity().keys() & {*names}
    changed = dataclasses.replace(plain, rslora=True, init="gaussian", layers="last:1")
    assert {name: changed.identity()[name] for name in names[:2]} == {"rslora": True, "init": "gaussian"}


def test_the_table_of_starts_in_the_docs_is_the_codes() -> None:
    text = (Path(__file__).parent.parent / "docs" / "strategies.md").read_text(encoding="utf-8")
    rows = [f"| `{name}` | {row.use} | <{row.source}> |" for name, row in STARTS_TABLE.items()]
    assert text[text.index("| init | what it is |") :].split("\n\n")[0].splitlines()[2:] == rows
