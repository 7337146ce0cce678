"""Gram matrices of what modules read: measured, kept, written, read back, and merged by."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from adapt_embed.adapters import Checkpoint, TrainConfig, TrainResult, train_adapter
from adapt_embed.adapters.after import grams
from adapt_embed.adapters.after.gram_plan import plan_grams
from adapt_embed.adapters.after.grams import GramRequest, GramTexts, MeasuredGrams, collect_grams, draw_texts, measure_grams
from adapt_embed.adapters.register import register_adapter
from adapt_embed.adapters.strategies.table import open_strategy, put_in
from adapt_embed.base import Base, load_base, resolve_base
from adapt_embed.cli import main
from adapt_embed.data.pairs import TrainingData
from adapt_embed.encoders import LoraEncoder
from adapt_embed.errors import AdapterError, TrainingError
from adapt_embed.lora import LoraFactors, read_lora
from adapt_embed.lora.gram_file import GRAMS, GramFile, grams_bytes, write_grams
from adapt_embed.lora.grams import FullGram, GramRank, LowRankGram, blank_gram, gram_error, store_gram
from adapt_embed.merge import MergeConfig, merge_factors
from adapt_embed.registry import Entry, open_registry
from click.testing import CliRunner, Result
from torch import Tensor, nn

CONFIG = TrainConfig(
    epochs=1, batch_size=16, learning_rate=1e-2, temperature=0.05, rank=4, max_tokens=16, precision="fp32", dropout=0.1, seed=3
)
LAYERS = [f"encoder.layer.{number}" for number in range(2)]
TOGETHER = [f"attention.self.{each}" for each in ("query", "key", "value")]
ALONE = ["attention.output.dense", "intermediate.dense", "output.dense"]
NAMES = [f"{layer}.{end}" for layer in LAYERS for end in TOGETHER + ALONE]


@dataclasses.dataclass(frozen=True)
class Trained:
    result: TrainResult
    grams: MeasuredGrams

    @property
    def factors(self) -> LoraFactors:
        return self.result.factors


def train(tiny_base: Path, data: TrainingData, rank: GramRank, config: TrainConfig = CONFIG, **options: object) -> Trained:
    base = load_base(resolve_base(str(tiny_base)))
    result = train_adapter(base, data, config, **options)  # type: ignore[arg-type]
    return Trained(result, measure_grams(base, result.factors, data, config, GramRequest(rank=rank)))


@pytest.fixture(scope="module")
def trained(tiny_base: Path, toy_data: TrainingData) -> dict[GramRank, Trained]:
    return {rank: train(tiny_base, toy_data, rank) for rank in (4, "full")}


def by_hand(tiny_base: Path, result: Trained, data: TrainingData) -> dict[str, Tensor]:
    """The Gram matrices one text at a time, so that nothing is padded, with hooks and in float64."""
    base = load_base(resolve_base(str(tiny_base)))
    base.network.merge_weights("trained", {name: module.delta() for name, module in result.factors.items()})
    sums: dict[str, Tensor] = {}
    tokens = 0
    for name, module in base.model.named_modules():
        if name in NAMES:

            def add(_: nn.Module, inputs: tuple[Tensor, ...], name: str = name) -> None:
                rows = inputs[0][0].double()
                sums[name] = sums.get(name, 0) + rows.T @ rows

            module.register_forward_pre_hook(add)
    passages = [data.corpus[pid] for pid in data.train.passage_ids()]
    for text in [*("find: " + query for query in data.train.queries.values()), *passages]:
        ids = base.tokenizer(text, truncation=True, max_length=16, return_tensors="pt")
        tokens += ids["input_ids"].numel()
        with torch.no_grad():
            base.model(**ids)
    return {name: total / tokens for name, total in sums.items()}


def random_gram(width: int, tokens: int, seed: int = 0) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    scales = torch.logspace(0, -1, width)
    rows = torch.randn(tokens, width, generator=draw) @ torch.linalg.qr(torch.randn(width, width, generator=draw))[0] * scales
    rows += 0.2 * torch.randn(width, generator=draw)
    return (rows.T @ rows / tokens + (rows.T @ rows / tokens).T) / 2


# Measuring


def test_the_exact_gram_is_the_one_computed_by_hand(
    tiny_base: Path, toy_data: TrainingData, trained: dict[GramRank, Trained], tmp_path: Path
) -> None:
    expected = by_hand(tiny_base, trained["full"], toy_data)
    write_grams(trained["full"].grams.stored, tmp_path / GRAMS)
    found = dict(GramFile(tmp_path))
    assert found.keys() == expected.keys() == set(NAMES)
    for name, gram in expected.items():
        assert (found[name] - gram).norm() < 1e-5 * gram.norm(), name
    bare = collect_grams(load_base(resolve_base(str(tiny_base))), NAMES, draw_texts(toy_data, 3), CONFIG)
    last = f"{LAYERS[1]}.output.dense"
    assert (bare.matrices[last] - found[last]).norm() > 1e-2 * found[last].norm()  # the trained factors take part


def test_padding_does_not_count(loaded_tiny_base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = GramTexts(queries=["court"], passages=["the law of rent and the tenant in the great house", "tree", ""])
    together = collect_grams(loaded_tiny_base, NAMES, texts, CONFIG)
    monkeypatch.setattr(grams, "default_batch_tokens", lambda device: 1)  # a text a batch: no padding
    apart = collect_grams(loaded_tiny_base, NAMES, texts, CONFIG)
    assert together.tokens == apart.tokens
    assert together.matrices.keys() == apart.matrices.keys()
    for name, gram in apart.matrices.items():
        torch.testing.assert_close(together.matrices[name], gram, atol=1e-4, rtol=1e-4)


def test_modules_that_read_one_input_share_one_matrix(trained: dict[GramRank, Trained], tmp_path: Path) -> None:
    write_grams(trained[4].grams.stored, tmp_path / GRAMS)
    readers = GramFile(tmp_path).readers
    for layer in LAYERS:
        assert len({readers[f"{layer}.{end}"] for end in TOGETHER}) == 1
        assert len({readers[f"{layer}.{end}"] for end in TOGETHER + ALONE}) == 4
    assert len(set(readers.values())) == 8


def test_half_precision_does_not_reach_the_sums(loaded_tiny_base: Base) -> None:
    texts = GramTexts(queries=["court", "the judge"], passages=["law", "the season of the house"])
    half = collect_grams(loaded_tiny_base, NAMES, texts, dataclasses.replace(CONFIG, precision="bf16")).matrices
    first = f"{LAYERS[0]}.attention.self.query"  # what it reads is float32 in both
    torch.testing.assert_close(half[first], collect_grams(loaded_tiny_base, NAMES, texts, CONFIG).matrices[first])


def test_texts_are_bounded_and_seeded(toy_data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (len(draw_texts(toy_data, 0).queries), len(draw_texts(toy_data, 0).passages)) == (64, 32)
    monkeypatch.setattr(grams, "MAX_TEXTS", 5)
    drawn = [draw_texts(toy_data, seed) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert (len(drawn[0].queries), len(drawn[0].passages), len(drawn[0])) == (5, 5, 10)
    assert set(drawn[0].queries) < set(toy_data.train.queries.values())
    assert set(drawn[0].passages) < set(toy_data.corpus.values())


def blank_factors(base: Base) -> LoraFactors:
    strategy = open_strategy(CONFIG)
    with put_in(strategy, base):
        return strategy.read_out()


def test_inputs_that_are_not_finite_are_named(loaded_tiny_base: Base, toy_data: TrainingData) -> None:
    with torch.no_grad():
        loaded_tiny_base.model.get_submodule(f"{LAYERS[0]}.intermediate.dense").bias.fill_(1e25)
    with pytest.raises(TrainingError, match=r"inputs of encoder\.layer\.0\.output\.dense are too large"):
        measure_grams(loaded_tiny_base, blank_factors(loaded_tiny_base), toy_data, CONFIG, GramRequest(rank=4))


def test_measuring_changes_no_factor_and_leaves_no_hook(tiny_base: Path, toy_data: TrainingData) -> None:
    base = load_base(resolve_base(str(tiny_base)))
    without = train_adapter(base, toy_data, CONFIG)
    kept = {name: (module.a.clone(), module.b.clone()) for name, module in without.factors.items()}
    measure_grams(base, without.factors, toy_data, CONFIG, GramRequest(rank=4))
    after = train_adapter(base, toy_data, CONFIG)
    assert without.losses == after.losses
    for name, (a, b) in kept.items():
        assert torch.equal(a, without.factors[name].a)
        assert torch.equal(b, without.factors[name].b)
        assert torch.equal(a, after.factors[name].a)
    assert not any(module._forward_pre_hooks for module in base.model.modules())


# Keeping


@pytest.mark.parametrize("width", [8, 40])
def test_full_is_exact(width: int) -> None:
    gram = random_gram(width, 100)
    stored = store_gram(gram, "full")
    assert torch.equal(stored.dense(), gram)
    assert (stored.width, stored.upper.numel(), gram_error(gram, stored)) == (width, width * (width + 1) // 2, 0.0)


def test_the_error_falls_with_the_rank_to_almost_nothing() -> None:
    gram = random_gram(48, 500)
    errors = [gram_error(gram, store_gram(gram, rank)) for rank in (1, 4, 12, 24, 48)]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 20 * errors[-1]
    assert errors[-1] < 1e-3  # what half precision leaves
    assert gram_error(gram, store_gram(gram, 1000)) == errors[-1]


@pytest.mark.parametrize("rank", [1, 4, 12, 48])
@pytest.mark.parametrize("tokens", [5, 500])
def test_the_diagonal_is_exact_and_the_matrix_stays_positive(rank: int, tokens: int) -> None:
    gram = random_gram(48, tokens)
    stored = store_gram(gram, rank)
    assert torch.equal(stored.dense().diagonal(), gram.diagonal())
    assert torch.linalg.eigvalsh(stored.dense().double()).min() > -1e-6 * gram.diagonal().mean()


def test_the_fit_beats_the_leading_eigenvectors() -> None:
    gram = random_gram(48, 500)
    values, vectors = torch.linalg.eigh(gram)
    leading = (vectors[:, -6:] * values[-6:]) @ vectors[:, -6:].T
    leading.diagonal().copy_(gram.diagonal())
    assert gram_error(gram, store_gram(gram, 6)) < float((leading - gram).norm() / gram.norm())


def test_a_diagonal_plus_a_low_rank_is_found() -> None:
    draw = torch.Generator().manual_seed(1)
    factor = torch.randn(3, 40, generator=draw)
    gram = factor.T @ factor + torch.diag(torch.rand(40, generator=draw) + 0.5)
    assert gram_error(gram, store_gram(gram, 3)) < 1e-3


@pytest.mark.parametrize("rank", [2, "full"])
def test_a_gram_of_zero_and_one_that_is_large_are_kept(rank: GramRank) -> None:
    assert gram_error(torch.zeros(6, 6), store_gram(torch.zeros(6, 6), rank)) == 0.0
    gram = random_gram(6, 50)
    assert gram_error(1e12 * gram, store_gram(1e12 * gram, rank)) == pytest.approx(gram_error(gram, store_gram(gram, rank)), rel=0.05)


# The file


@pytest.mark.parametrize("rank", [4, "full"])
def test_the_size_told_is_the_size_written(tiny_base: Path, toy_data: TrainingData, tmp_path: Path, rank: GramRank) -> None:
    base = load_base(resolve_base(str(tiny_base)))
    plan = plan_grams(base, toy_data, CONFIG, rank)
    factors = train_adapter(base, toy_data, CONFIG).factors
    measured = measure_grams(base, factors, toy_data, CONFIG, GramRequest(rank=rank))
    write_grams(measured.stored, tmp_path / GRAMS)
    size = (tmp_path / GRAMS).stat().st_size
    assert (plan.modules, plan.inputs, plan.queries, plan.passages) == (12, 8, 64, 32)
    assert plan.file_bytes == pytest.approx(size, rel=0.005)
    assert measured.as_dict()["bytes"] == plan.file_bytes


def test_a_low_rank_is_small_where_layers_are_wide() -> None:
    wide, full = (grams_bytes({"a": blank_gram(1536, rank)}) for rank in (64, "full"))
    assert wide == pytest.approx(1536 * (4 + 64 * 2) + 64 * 4, rel=0.01)
    assert full == pytest.approx(1536 * 1537 / 2 * 4, rel=0.01)
    assert grams_bytes({"a": blank_gram(32, 64)}) == grams_bytes({"a": blank_gram(32, 32)})


def test_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(AdapterError, match=r"grams\.safetensors is damaged"):
        GramFile(tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    kept = store_gram(random_gram(8, 50), 2)
    write_grams({"a": kept, "b": kept, "c": store_gram(random_gram(6, 50), "full")}, tmp_path / GRAMS)
    return tmp_path


def test_each_matrix_can_be_read_alone(folder: Path) -> None:
    file = GramFile(folder)
    whole = dict(file)
    assert list(file) == ["a", "b", "c"]
    assert len(file) == 3
    assert all(torch.equal(file[name], whole[name]) for name in file)
    assert (type(file.stored("b")), type(file.stored("c"))) == (LowRankGram, FullGram)
    assert whole["a"].dtype == torch.float32
    with pytest.raises(KeyError):
        file["d"]


def rewrite(folder: Path, change: Callable[[dict[str, Tensor], dict], None]) -> None:
    from safetensors import safe_open
    from safetensors.torch import save_file

    with safe_open(folder / GRAMS, framework="pt") as file:
        header, tensors = json.loads(file.metadata()["grams"]), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    change(tensors, header)
    save_file(tensors, folder / GRAMS, metadata={"grams": json.dumps(header)})


@pytest.mark.parametrize(
    "change",
    [
        lambda tensors, header: tensors.pop("a.values"),
        lambda tensors, header: tensors.update({"a.values": -tensors["a.values"]}),
        lambda tensors, header: tensors.update({"a.diagonal": tensors["a.diagonal"][:-1].clone()}),
        lambda tensors, header: tensors["a.diagonal"].fill_(torch.nan),
        lambda tensors, header: tensors.update({"a.vectors": tensors["a.vectors"].float()}),
        lambda tensors, header: tensors.update({"c.upper": tensors["c.upper"][:-1].clone()}),
        lambda tensors, header: tensors.update({"c.upper": tensors["c.upper"].reshape(3, 7)}),
        lambda tensors, header: header["modules"].update(b="nowhere"),
        lambda tensors, header: header["modules"].update(b=["a"]),
        lambda tensors, header: header.update(modules={}),
        lambda tensors, header: header.pop("modules"),
    ],
)
def test_a_damaged_matrix_is_named(folder: Path, change: Callable[[dict[str, Tensor], dict], None]) -> None:
    rewrite(folder, change)
    with pytest.raises(AdapterError, match=r"grams\.safetensors is damaged \(.*restore it from a copy, or train again"):
        dict(GramFile(folder))


@pytest.mark.parametrize("content", [b"", b"no tensors", b"half"])
def test_a_damaged_file_is_named(folder: Path, content: bytes) -> None:
    whole = (folder / GRAMS).read_bytes()
    (folder / GRAMS).write_bytes(whole[: len(whole) // 2] if content == b"half" else content)
    with pytest.raises(AdapterError, match=r"grams\.safetensors is damaged"):
        dict(GramFile(folder))


def test_a_later_format_asks_for_an_upgrade(folder: Path) -> None:
    rewrite(folder, lambda tensors, header: header.update(format=2))
    with pytest.raises(AdapterError, match="has format 2, and this version reads 1; upgrade adapt-embed"):
        dict(GramFile(folder))


# The folder and the registry


@pytest.fixture
def registered(tiny_base: Path, toy_data: TrainingData, trained: dict[GramRank, Trained], tmp_path: Path) -> tuple[Entry, Path]:
    registry = open_registry(tmp_path / "registry")
    entry = register_adapter(
        registry, "toy", "legal", load_base(resolve_base(str(tiny_base))), toy_data, CONFIG, trained[4].result, grams=trained[4].grams
    )
    return entry, registry.folder(entry)


def test_the_entry_records_the_error_and_the_file(registered: tuple[Entry, Path], trained: dict[GramRank, Trained]) -> None:
    entry, folder = registered
    exact, kept = ({name: gram.dense() for name, gram in trained[rank].grams.stored.items()} for rank in ("full", 4))
    errors = {name: float((kept[name] - gram).norm() / gram.norm()) for name, gram in exact.items()}
    record = entry.data.grams
    assert record["error"]["mean"] == pytest.approx(sum(errors.values()) / 12)
    assert record["error"]["worst"] == pytest.approx(max(errors.values()))
    assert errors[record["error"]["worst_module"]] == max(errors.values()) > 0.01
    assert (record["rank"], record["queries"], record["passages"]) == (4, 64, 32)
    assert entry.files[GRAMS].size == (folder / GRAMS).stat().st_size == pytest.approx(record["bytes"], rel=0.005)
    assert open_registry(folder.parents[1]).verify().is_clean
    assert json.loads((folder / "adapt.json").read_text())["data"]["grams"] == record


def test_peft_and_sentence_transformers_load_the_folder(registered: tuple[Entry, Path], tiny_base: Path) -> None:
    sentence_transformers = pytest.importorskip("sentence_transformers")
    from peft import PeftModel
    from transformers import AutoModel

    folder, texts = registered[1], ["the court and the judge", "law"]
    ours = LoraEncoder(load_base(resolve_base(str(tiny_base))), read_lora(folder), precision="fp32").encode(texts).vectors
    theirs = sentence_transformers.SentenceTransformer(str(folder), device="cpu").encode_document(texts)
    assert abs(theirs - ours).max() < 1e-5
    model = PeftModel.from_pretrained(AutoModel.from_pretrained(tiny_base), folder)
    weight = model.base_model.model.encoder.layer[0].attention.self.query.lora_B["default"].weight
    assert torch.equal(weight, read_lora(folder)[f"{LAYERS[0]}.attention.self.query"].b)


def test_a_run_cut_short_while_measuring_ends_as_the_uninterrupted_one(
    tiny_base: Path, toy_data: TrainingData, trained: dict[GramRank, Trained], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    checkpoint = Checkpoint(tmp_path, every_s=1000)
    with monkeypatch.context() as patch:
        patch.setattr(grams, "collect_grams", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train(tiny_base, toy_data, 4, checkpoint=checkpoint)
    steps: list[object] = []
    resumed = train(tiny_base, toy_data, 4, checkpoint=checkpoint, resume=True, on_step=steps.append)
    assert steps == []
    write_grams(resumed.grams.stored, tmp_path / "resumed")
    write_grams(trained[4].grams.stored, tmp_path / "whole")
    assert (tmp_path / "resumed").read_bytes() == (tmp_path / "whole").read_bytes()


def test_regmean_merges_by_them(tiny_base: Path, toy_data: TrainingData, trained: dict[GramRank, Trained], tmp_path: Path) -> None:
    other = train(tiny_base, toy_data, 4, dataclasses.replace(CONFIG, seed=9))
    parents, of_parents = [trained[4], other], []
    for number, parent in enumerate(parents):
        (tmp_path / str(number)).mkdir()
        write_grams(parent.grams.stored, tmp_path / str(number) / GRAMS)
        of_parents.append(GramFile(tmp_path / str(number)))
    merged = merge_factors([parent.factors for parent in parents], MergeConfig(method="regmean"), grams=of_parents)
    alone = merge_factors([other.factors], MergeConfig(method="regmean", weights=(1.0,)), grams=of_parents[1:])
    assert merged.factors.keys() == set(NAMES)
    for name, module in alone.factors.items():
        delta = other.factors[name].delta()
        assert (module.delta() - delta).norm() < 0.11 * delta.norm()  # `auto` keeps 99 % of the energy
    exact = [{name: gram.dense() for name, gram in parent.grams.stored.items()} for parent in parents]
    again = merge_factors([parent.factors for parent in parents], MergeConfig(method="regmean"), grams=exact)
    assert all(torch.equal(again.factors[name].a, module.a) for name, module in merged.factors.items())


# The command

Command = Callable[..., Result]


@pytest.fixture
def command(tiny_base: Path, toy_folder: Path, tmp_path: Path) -> Command:
    settings = ["epochs=1", "batch_size=16", "learning_rate=1e-2", "temperature=0.05", "rank=4", "max_tokens=16"]

    def run(*more: str) -> Result:
        options = [part for setting in settings for part in ("--set", setting)]
        fixed = ["train", "--domain", "legal", "--data", str(toy_folder), "--base", str(tiny_base), "--dtype", "fp32"]
        return CliRunner().invoke(main, [*fixed, "--registry", str(tmp_path / "registry"), *options, *more])

    return run


def test_the_command_tells_the_size_first_and_the_error_after(command: Command, tmp_path: Path) -> None:
    result = command("--gram-rank", "4")
    assert result.exit_code == 0, result.output
    size = (tmp_path / "registry/legal/1" / GRAMS).stat().st_size
    told = f"grams: 8 Gram matrices (diagonal and rank 4) for 12 modules, measured after training on 64 queries and 32 passages: about {size / 1e6:.2f} MB"
    assert told in result.stderr.splitlines()
    record = open_registry(tmp_path / "registry").find_reference("legal@1").data.grams
    assert (
        f"grams        {size / 1e6:.2f} MB, {record['tokens']} tokens, relative error mean {record['error']['mean']:.4f}, worst"
        in result.stdout
    )
    again = json.loads(command("--gram-rank", "4", "--json").stdout)
    assert again["grams"] == record
    first, second = ((tmp_path / "registry/legal" / number / GRAMS).read_bytes() for number in ("1", "2"))
    assert first == second


def test_full_is_kept_exactly_by_the_command(command: Command, tmp_path: Path) -> None:
    record = json.loads(command("--gram", "full", "--json").stdout)["grams"]
    assert (record["rank"], record["error"]["mean"], record["error"]["worst"]) == ("full", 0.0, 0.0)
    assert set(GramFile(tmp_path / "registry/legal/1")) == set(NAMES)


def test_without_the_option_nothing_is_kept(command: Command, tmp_path: Path) -> None:
    result = command("--json")
    assert json.loads(result.stdout)["grams"] is None
    assert not (tmp_path / "registry/legal/1" / GRAMS).exists()
    assert open_registry(tmp_path / "registry").find_reference("legal@1").data.grams is None
    assert "grams" not in result.stderr


def test_a_dry_run_tells_the_size(command: Command, tmp_path: Path) -> None:
    result = command("--gram-rank", "4", "--dry-run")
    assert "grams     8 Gram matrices (diagonal and rank 4) for 12 modules" in result.stdout
    planned = json.loads(command("--gram", "full", "--dry-run", "--json").stdout)["grams"]
    assert (planned["rank"], planned["inputs"], planned["modules"]) == ("full", 8, 12)
    assert json.loads(command("--dry-run", "--json").stdout)["grams"] is None
    assert not (tmp_path / "registry/legal").exists()


@pytest.mark.parametrize(
    "options", [("--gram-rank", "4", "--gram", "full"), ("--gram-rank", "0"), ("--gram-rank", "full"), ("--gram", "half")]
)
def test_a_request_that_does_not_fit_is_a_usage_error(command: Command, tmp_path: Path, options: tuple[str, ...]) -> None:
    result = command(*options)
    assert result.exit_code == 2
    assert "--gram" in result.stderr
    assert not (tmp_path / "registry").exists()
