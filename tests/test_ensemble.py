"""Ensembles: what they compute, how they are kept, found and opened again, and how the bench takes them."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import adapt_embed.encoders.lora as lora_encoder
import numpy as np
import pytest
import torch
from adapt_embed.base.resolve import BaseOptions, resolve_base
from adapt_embed.bench.cost.plan import plan
from adapt_embed.bench.run.identity import identify
from adapt_embed.bench.run.models import Model, open_models
from adapt_embed.bench.run.scoring import BenchProgress, bench
from adapt_embed.bench.sources import task_from_folder
from adapt_embed.bench.tasks.retrieval import retrieval_task
from adapt_embed.bench.tasks.sts import sts_task
from adapt_embed.data.pairs import Pairs
from adapt_embed.data.sentence_pairs import SentencePairs
from adapt_embed.encoders import LoraEncoder, Ranked, Vectors, is_searcher
from adapt_embed.ensemble import MODES, PROJECTION, RECIPE, Member, Recipe, find_mode, make_recipe, read_recipe, share_weights, write_recipe
from adapt_embed.ensemble.encoders import COMBINERS, EnsembleEncoder, combine_concat, combine_mean
from adapt_embed.ensemble.pca import fit_projection
from adapt_embed.ensemble.register import register_ensemble
from adapt_embed.ensemble.searchers import FUSIONS, EnsembleSearcher, fuse_largest, fuse_ranks
from adapt_embed.errors import AdapterError, AdaptError, BaseError, ConfigError, DataError, RegistryError
from adapt_embed.lora import LoraFactors, LoraModule, write_lora
from adapt_embed.references import (
    EncoderSettings,
    LoadedBases,
    Resolved,
    Search,
    as_member,
    open_encoder,
    open_lora,
    open_reference,
    resolve_reference,
    resolve_references,
)
from adapt_embed.registry import Entry, Registry, base_record, lineage, open_registry

TEXTS = ["the court and the judge", "", "a tenant pays rent", "租客要归还什么？", "law " * 40, "notice to the landlord"]
QUERIES = ["who pays rent", "judge", "法院", "appeal of the law"]
BASES = LoadedBases(EncoderSettings(precision="fp32"))  # the networks are loaded once for all tests


def factors(seed: int) -> LoraFactors:
    draw = torch.Generator().manual_seed(seed)
    names = ("encoder.layer.0.attention.self.query", "encoder.layer.1.attention.output.dense")
    return {name: LoraModule(torch.randn(2, 32, generator=draw), torch.randn(32, 2, generator=draw), 0.5) for name in names}


def write_adapter(folder: Path, seed: int, base: Path | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    write_lora(factors(seed), folder / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 1, "base_model_name_or_path": str(base) if base else None}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture
def registry(tmp_path: Path, tiny_base: Path, second_base: Path) -> Registry:
    """Hold legal@1, legal@2 and medical@1 on the tiny base, and other@1 on the second one."""
    registry = open_registry(tmp_path / "registry")
    for seed, (name, base) in enumerate([("legal", tiny_base), ("legal", tiny_base), ("medical", tiny_base), ("other", second_base)]):
        found = resolve_base(str(base))
        how = found.encoding
        draft = Entry(kind="adapter", name=name, domain=name, bases=(base_record(found.spec),), pooling=how.pooling, prompts=how.prompts)
        registry.add(draft, lambda folder, seed=seed: write_adapter(folder, seed))
    return registry


@pytest.fixture
def search(registry: Registry) -> Search:
    return Search(registry=registry)


def kept(found: Sequence[Resolved], registry: Registry) -> list[Member]:
    return [as_member(resolved, registry) for resolved in found]


@pytest.fixture
def made(search: Search) -> Callable[..., Resolved]:
    """Register an ensemble of these references, and find it again."""

    def make(*references: str, mode: str, weights: Sequence[float] | None = None, at: Search = search) -> Resolved:
        recipe = make_recipe(kept(resolve_references(references, at), at.registry), mode=mode, weights=weights)
        entry = register_ensemble(at.registry, recipe, "both")
        return resolve_reference(entry.reference, search)

    return make


def alone(search: Search, reference: str, texts: Sequence[str], role: str = "document") -> Vectors:
    """The vectors of one reference, opened by itself; `base` is that of legal."""
    return open_encoder(resolve_references([reference, "legal"], search)[0], BASES).encode(texts, role).vectors  # type: ignore[arg-type]


def opened(resolved: Resolved) -> EnsembleEncoder | EnsembleSearcher:
    found = open_reference(resolved, BASES)
    assert not isinstance(found, LoraEncoder)
    return found


def reference_rrf(cosines: list[np.ndarray], weights: list[float]) -> np.ndarray:
    """Written from the paper, without looking at the package: sum of weight / (60 + rank), rank by rank."""
    scores = np.zeros(cosines[0].shape)
    for own, weight in zip(cosines, weights, strict=True):
        for query, row in enumerate(own):
            best_first = sorted(row, reverse=True)
            for passage, cosine in enumerate(row):
                scores[query, passage] += weight / (60 + best_first.index(cosine) + 1)
    return scores


# --- the table and the recipe


def test_every_mode_is_computed_where_its_row_says() -> None:
    assert {name for name, mode in MODES.items() if mode.has_vectors} == set(COMBINERS)
    assert {name for name, mode in MODES.items() if not mode.has_vectors} == set(FUSIONS)
    assert {name for name, mode in MODES.items() if not mode.across_bases} == {"mean"}


def test_an_unknown_mode_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"unknown ensemble mode 'means'. Did you mean mean\? Known: concat, mean, rrf, max"):
        find_mode("means")


def test_weights_become_shares_whatever_their_scale() -> None:
    assert share_weights("rrf", None, 4) == (0.25,) * 4
    assert share_weights("rrf", [3, 1], 2) == share_weights("rrf", [0.75, 0.25], 2) == (0.75, 0.25)
    assert share_weights("mean", [0, 2], 2) == (0, 1)


@pytest.mark.parametrize(
    ("mode", "weights", "message"),
    [
        ("mean", [1, 1, 1], "3 weights for 2 members"),
        ("mean", [-1, 2], "the weight -1 does not fit the mode mean; each must be 0 or more"),
        ("rrf", [float("nan"), 1], "the weight nan does not fit"),
        ("max", [0, 0], "all weights are 0"),
        ("concat", [0, 1], "the weight 0 does not fit the mode concat; each must be above 0"),
    ],
)
def test_weights_that_do_not_fit_are_refused(mode: str, weights: list[float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        share_weights(mode, weights, 2)


def test_a_recipe_reads_back_and_is_written_in_the_same_bytes(search: Search, tmp_path: Path) -> None:
    recipe = make_recipe(kept(resolve_references(["legal", "other"], search), search.registry), mode="concat", weights=[1, 2], dim=40)
    write_recipe(recipe, tmp_path)
    before = (tmp_path / RECIPE).read_bytes()
    assert read_recipe(tmp_path) == recipe
    write_recipe(read_recipe(tmp_path), tmp_path)
    assert (tmp_path / RECIPE).read_bytes() == before
    assert [member.reference for member in recipe.members] == ["legal@2", "other@1"]
    assert (recipe.dimension, replace(recipe, dim=None).dimension, replace(recipe, dim=None, mode="rrf").dimension) == (40, 64, None)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "has no ensemble.json"),
        ("{", "is damaged"),
        ("[]", "is damaged"),
        ('{"format": 2}', "is of another format than 1"),
        ('{"format": 1, "mode": "concat", "members": []}', "is damaged .*at least 2 members"),
        ('{"format": 1, "mode": "concat", "members": [], "more": 1}', "is damaged"),
    ],
)
def test_a_damaged_recipe_is_one_clear_line(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / RECIPE).write_text(content)
    with pytest.raises(AdapterError, match=message) as caught:
        read_recipe(tmp_path)
    assert "\n" not in str(caught.value)


# --- mean and concat


@pytest.mark.parametrize("weights", [None, [0.3, 0.7], [5, 1]])
@pytest.mark.parametrize("references", [["legal@1", "medical@1"], ["legal", "base", "medical"], ["legal", "other"]])
def test_a_dot_product_of_concat_is_the_weighted_sum_of_cosines(
    made: Callable[..., Resolved], search: Search, references: list[str], weights: list[float] | None
) -> None:
    if weights and len(references) > 2:
        weights = [*weights, 2.0]
    ensemble = opened(made(*references, mode="concat", weights=weights))
    assert isinstance(ensemble, EnsembleEncoder)
    queries, documents = ensemble.encode(QUERIES, "query").vectors, ensemble.encode(TEXTS).vectors
    shares = np.array(weights or [1] * len(references), np.float64) / sum(weights or [1] * len(references))
    expected = sum(
        share * alone(search, name, QUERIES, "query").astype(float) @ alone(search, name, TEXTS).astype(float).T
        for share, name in zip(shares, references, strict=True)
    )
    assert queries.dtype == np.float32
    assert queries.shape == (len(QUERIES), 32 * len(references))
    np.testing.assert_allclose(queries @ documents.T, expected, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(documents, axis=1), 1, atol=1e-6)


def test_mean_is_the_normalised_weighted_sum_by_hand(made: Callable[..., Resolved], search: Search) -> None:
    ensemble = opened(made("legal@1", "medical", "base", mode="mean", weights=[2, 1, 1]))
    assert isinstance(ensemble, EnsembleEncoder)
    by_hand = 2 * alone(search, "legal@1", TEXTS) + alone(search, "medical", TEXTS) + alone(search, "base", TEXTS)
    by_hand /= np.linalg.norm(by_hand, axis=1, keepdims=True)
    np.testing.assert_allclose(ensemble.encode(TEXTS).vectors, by_hand, atol=1e-6)
    assert ensemble.encode(TEXTS).vectors.dtype == np.float32


def test_the_mean_of_known_vectors() -> None:
    one, other = np.array([[1, 0], [1, 0]], np.float32), np.array([[0, 1], [-1, 0]], np.float32)
    np.testing.assert_allclose(combine_mean([one, other], (0.6, 0.4)), [[0.6 / 0.52**0.5, 0.4 / 0.52**0.5], [1, 0]], atol=1e-7)
    np.testing.assert_array_equal(combine_mean([one[1:], other[1:]], (0.5, 0.5)), [[0, 0]])  # they cancel out: no direction, and no NaN


def test_a_member_twice_changes_no_cosine(made: Callable[..., Resolved], search: Search) -> None:
    for mode in ("mean", "concat"):
        ensemble = opened(made("legal", "legal", mode=mode))
        assert isinstance(ensemble, EnsembleEncoder)
        single = alone(search, "legal", TEXTS)
        np.testing.assert_allclose(ensemble.encode(TEXTS).vectors @ ensemble.encode(TEXTS).vectors.T, single @ single.T, atol=1e-6)


def test_no_texts_give_no_vectors(made: Callable[..., Resolved]) -> None:
    for mode, width in (("mean", 32), ("concat", 64)):
        ensemble = opened(made("legal", "medical", mode=mode))
        assert isinstance(ensemble, EnsembleEncoder)
        assert ensemble.encode([]).vectors.shape == (0, width)


# --- the reduction


def test_a_projection_to_all_dimensions_keeps_every_dot_product() -> None:
    vectors = np.random.default_rng(0).normal(size=(50, 12)).astype(np.float32)
    projection = fit_projection(vectors, 12)
    np.testing.assert_allclose((vectors @ projection.matrix) @ (vectors @ projection.matrix).T, vectors @ vectors.T, atol=1e-4)
    assert projection.energy == pytest.approx(1)


def test_a_projection_is_the_truncated_svd_of_the_uncentred_vectors() -> None:
    vectors = (np.random.default_rng(1).normal(size=(40, 10)) + 2).astype(np.float32)  # far from centred
    projection = fit_projection(vectors, 3)
    _, s, vh = np.linalg.svd(vectors.astype(np.float64), full_matrices=False)
    np.testing.assert_allclose(projection.matrix @ projection.matrix.T, vh[:3].T @ vh[:3], atol=1e-5)
    assert projection.energy == pytest.approx((s[:3] ** 2).sum() / (s**2).sum())
    np.testing.assert_array_equal(fit_projection(vectors, 3).matrix, projection.matrix)


def test_texts_that_span_too_few_dimensions_are_refused() -> None:
    vectors = np.random.default_rng(2).normal(size=(5, 12)).astype(np.float32)
    with pytest.raises(DataError, match="5 texts span 5 dimensions, and --dim is 6"):
        fit_projection(vectors, 6)
    with pytest.raises(DataError, match="10 texts span 5 dimensions"):
        fit_projection(np.concatenate([vectors, vectors]), 6)


def test_shortened_vectors_are_those_of_the_projection_kept_beside_the_recipe(search: Search) -> None:
    found = resolve_references(["legal", "other"], search)
    recipe = make_recipe(kept(found, search.registry), mode="concat", dim=4)
    bases = LoadedBases(EncoderSettings(precision="fp32"))
    whole = EnsembleEncoder("concat", tuple(open_lora(each, bases) for each in found), recipe.weights)
    projection = fit_projection(whole.encode(TEXTS).vectors, 4)
    entry = register_ensemble(search.registry, recipe, "short", projection=projection)
    short = opened(resolve_reference("short", search))
    assert isinstance(short, EnsembleEncoder)
    expected = whole.encode(TEXTS).vectors @ projection.matrix
    np.testing.assert_allclose(short.encode(TEXTS).vectors, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-6)
    path = search.registry.folder(entry) / PROJECTION
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(AdapterError, match=r"pca\.safetensors is damaged"):
        opened(resolve_reference("short", search))


# --- rankings


@pytest.mark.parametrize("seed", range(3))
def test_fusing_ranks_is_the_papers_sum(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cosines = [rng.normal(size=(4, 25)).astype(np.float32).round(1) for _ in range(3)]  # rounded: with ties
    weights = [0.5, 0.2, 0.3]
    np.testing.assert_allclose(fuse_ranks(cosines, weights), reference_rrf(cosines, weights), atol=1e-15)


def test_known_ranks() -> None:
    fused = fuse_ranks([np.array([[0.9, 0.1, 0.5]]), np.array([[0.2, 0.8, 0.2]])], (0.5, 0.5))
    np.testing.assert_allclose(fused, [[0.5 / 61 + 0.5 / 62, 0.5 / 63 + 0.5 / 61, 0.5 / 62 + 0.5 / 62]])


def test_the_largest_is_over_scaled_cosines_without_weightless_members() -> None:
    cosines = [np.array([[0.2, -0.5]]), np.array([[0.4, -0.9]])]
    np.testing.assert_array_equal(fuse_largest(cosines, (0.5, 0.5)), [[0.4, -0.5]])
    np.testing.assert_allclose(fuse_largest(cosines, (0.8, 0.2)), [[0.2, -0.225]])
    np.testing.assert_array_equal(fuse_largest(cosines, (0, 1)), [[0.4, -0.9]])


@pytest.mark.parametrize("references", [["legal", "medical"], ["legal", "other", "base"]])
@pytest.mark.parametrize("mode", ["rrf", "max"])
def test_a_ranking_is_that_of_members_run_one_by_one(
    made: Callable[..., Resolved], search: Search, mode: str, references: list[str]
) -> None:
    weights = [0.34, 0.33, 0.33][: len(references)]  # near one another, so that each member is the largest somewhere
    ensemble = opened(made(*references, mode=mode, weights=weights))
    assert isinstance(ensemble, EnsembleSearcher)
    cosines = [alone(search, name, QUERIES, "query") @ alone(search, name, TEXTS).T for name in references]
    shares = [weight / sum(weights) for weight in weights]
    scaled = np.max([own * weight / max(weights) for own, weight in zip(cosines, weights, strict=True)], axis=0)
    expected = reference_rrf(cosines, shares) if mode == "rrf" else scaled
    rankings = ensemble.search(QUERIES, TEXTS, top_k=4).rankings
    for ranking, scores in zip(rankings, expected, strict=True):
        np.testing.assert_allclose([score for _, score in ranking], sorted(scores, reverse=True)[:4], atol=1e-6)
        np.testing.assert_allclose([score for _, score in ranking], scores[[row for row, _ in ranking]], atol=1e-6)
    assert [len(ranking) for ranking in ensemble.search(QUERIES, TEXTS, top_k=100).rankings] == [len(TEXTS)] * len(QUERIES)


def test_many_queries_are_ranked_as_few(made: Callable[..., Resolved]) -> None:
    ensemble = opened(made("legal", "medical", mode="rrf"))
    assert isinstance(ensemble, EnsembleSearcher)
    many = [f"{query} {number}" for number in range(40) for query in QUERIES]
    together = ensemble.search(many, TEXTS, 3).rankings
    assert [[row for row, _ in each] for each in together[100:104]] == [
        [row for row, _ in each] for each in ensemble.search(many[100:104], TEXTS, 3).rankings
    ]


@pytest.mark.parametrize("mode", list(MODES))
def test_the_order_of_members_with_their_weights_changes_nothing(made: Callable[..., Resolved], mode: str) -> None:
    parts = [("legal@1", 3.0), ("medical", 2.0), ("base", 1.0)]
    results = []
    for order in permutations(parts):
        ensemble = opened(made(*(name for name, _ in order), mode=mode, weights=[weight for _, weight in order]))
        if isinstance(ensemble, EnsembleEncoder):
            results.append(ensemble.encode(QUERIES, "query").vectors @ ensemble.encode(TEXTS).vectors.T)
        else:
            results.append(np.array([[score for _, score in sorted(each)] for each in ensemble.search(QUERIES, TEXTS, 99).rankings]))
    for other in results[1:]:
        np.testing.assert_allclose(other, results[0], atol=1e-6)


# --- sharing


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The role of each time that texts were tokenised."""
    seen: list[str] = []
    real = lora_encoder.tokenize
    monkeypatch.setattr(lora_encoder, "tokenize", lambda *given: (seen.append(given[2]), real(*given))[1])
    return seen


@pytest.mark.parametrize(("lengths", "times"), [((512, 512, 512), 1), ((512, 64, 64), 2), ((16, 64, 512), 3)])
def test_members_that_tokenise_alike_share_it_on_whichever_bases(
    made: Callable[..., Resolved], calls: list[str], lengths: tuple[int, ...], times: int
) -> None:
    ensemble = opened(made("legal", "other", "medical", mode="concat"))
    assert isinstance(ensemble, EnsembleEncoder)
    members = [replace(member, max_tokens=length) for member, length in zip(ensemble.members, lengths, strict=True)]  # type: ignore[type-var]
    calls.clear()
    together = ensemble.with_networks(members).encode(TEXTS).vectors
    assert calls == ["document"] * times
    expected = COMBINERS["concat"]([member.encode(TEXTS).vectors for member in members], ensemble.weights)
    np.testing.assert_array_equal(together, expected)


def test_the_bases_weights_come_back(made: Callable[..., Resolved], search: Search) -> None:
    bases = LoadedBases(EncoderSettings(precision="fp32"))
    bare = open_lora(resolve_references(["base", "legal"], search)[0], bases)
    state = {name: tensor.clone() for name, tensor in bare.base.model.state_dict().items()}
    before = bare.encode(TEXTS).vectors
    ensemble = open_encoder(made("legal", "medical", mode="mean"), bases)
    assert np.abs(ensemble.encode(TEXTS).vectors - before).max() > 1e-3
    np.testing.assert_array_equal(bare.encode(TEXTS).vectors, before)
    assert all(torch.equal(tensor, state[name]) for name, tensor in bare.base.model.state_dict().items())


def test_batches_of_all_members_are_told_as_whole_texts(made: Callable[..., Resolved]) -> None:
    told: list[int] = []
    ensemble = opened(made("legal", "medical", "other", mode="concat"))
    assert isinstance(ensemble, EnsembleEncoder)
    members = [replace(member, batch_tokens=32) for member in ensemble.members]  # type: ignore[type-var]
    ensemble.with_networks(members).encode(TEXTS, on_batch=told.append)
    assert sum(told) == len(TEXTS)
    assert min(told) > 0
    assert len(told) > 2


def test_a_text_that_any_member_cuts_counts_once(made: Callable[..., Resolved]) -> None:
    ensemble = opened(made("legal", "medical", "other", mode="concat"))
    assert isinstance(ensemble, EnsembleEncoder)
    members = [replace(member, max_tokens=longest) for member, longest in zip(ensemble.members, (30, 8, 60), strict=True)]  # type: ignore[type-var]
    cut = [member.encode(TEXTS).truncated for member in members]
    assert cut[0] < cut[1]
    short = ensemble.with_networks(members)
    assert (short.encode(TEXTS).truncated, short.max_tokens) == (cut[1], 8)


def test_a_member_that_reads_longer_texts_is_not_cut_to_the_others_length(search: Search, tiny_base: Path) -> None:
    bases = LoadedBases(EncoderSettings(precision="fp32"))
    short = resolve_reference("legal", replace(search, options=BaseOptions(max_tokens=8)))
    long = resolve_reference("legal", search)
    assert open_lora(short, bases).encode(TEXTS).vectors.shape == open_lora(long, bases).encode(TEXTS).vectors.shape
    np.testing.assert_array_equal(open_lora(long, bases).encode(TEXTS).vectors, alone(search, "legal", TEXTS))


# --- members


def test_an_entry_records_members_by_version_hash_and_share(made: Callable[..., Resolved], registry: Registry) -> None:
    ensemble = made("legal", "medical", mode="rrf", weights=[3, 1])
    entry = ensemble.entry
    assert entry is not None
    assert (entry.kind, entry.method, entry.pooling, entry.prompts["query"]) == ("ensemble", "rrf", "cls", "find: ")
    assert [(parent.reference, parent.weight) for parent in entry.parents] == [("legal@2", 0.75), ("medical@1", 0.25)]
    assert len({parent.sha256 for parent in entry.parents}) == 2
    assert len(entry.bases) == 1
    assert [parent.reference for parent in lineage(registry, entry).parents] == ["legal@2", "medical@1"]
    assert registry.verify().is_clean


def test_an_ensemble_over_two_bases_records_both(made: Callable[..., Resolved], search: Search) -> None:
    ensemble = made("legal", "other", mode="concat")
    assert ensemble.entry is not None
    assert [base.sha256 for base in ensemble.entry.bases] == [base.sha256 for base in ensemble.bases]
    assert len(ensemble.bases) == 2
    assert ensemble.base == ensemble.members[0].base
    assert "compared with tiny-base" in ensemble.description
    assert resolve_reference("both", search).notes == ()


def test_a_member_that_is_needed_is_not_removed(made: Callable[..., Resolved], registry: Registry) -> None:
    made("legal", "medical", mode="rrf")
    with pytest.raises(RegistryError, match="legal@2 is needed by both@1"):
        registry.remove(registry.find("legal", 2))


def test_a_member_that_has_gone_is_named(made: Callable[..., Resolved], registry: Registry, search: Search) -> None:
    made("legal", "medical", mode="rrf")
    registry.remove(registry.find("legal", 2), force=True)
    with pytest.raises(AdapterError, match=r"both@1 needs its member legal@2, which is not available: legal has no version"):
        resolve_reference("both", search)


def test_a_member_that_has_changed_is_named(made: Callable[..., Resolved], registry: Registry) -> None:
    ensemble = made("legal", "medical", mode="concat")
    write_adapter(registry.folder(registry.find("medical", 1)), seed=9)
    with pytest.raises(AdapterError, match=r"both@1 was made with medical@1 of sha256 .*, which has .* now; restore that member"):
        opened(ensemble)


def test_ensembles_do_not_nest(made: Callable[..., Resolved], search: Search) -> None:
    made("legal", "medical", mode="mean")
    with pytest.raises(AdapterError, match="both@1 is an ensemble, and ensembles do not nest"):
        make_recipe(kept(resolve_references(["both", "legal"], search), search.registry), mode="mean")


def test_mean_across_bases_is_refused_at_equal_dimension(search: Search) -> None:
    found = resolve_references(["legal", "other"], search)
    assert found[0].base.dimension == found[1].base.dimension
    with pytest.raises(
        ConfigError, match=r"mean adds vectors.*legal@2 lies on tiny-base and other@1 on second-base.*take concat, rrf or max"
    ):
        make_recipe(kept(found, search.registry), mode="mean")


@pytest.mark.parametrize(
    ("mode", "dim", "message"),
    [
        ("concat", 65, "--dim is 65; expected 1 to 64"),
        ("concat", 0, "--dim is 0; expected 1"),
        ("mean", 8, "mean has nothing to shorten"),
        ("rrf", 8, "rrf has nothing to shorten"),
    ],
)
def test_a_dimension_that_does_not_fit_is_refused(search: Search, mode: str, dim: int, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_recipe(kept(resolve_references(["legal", "medical"], search), search.registry), mode=mode, dim=dim)


def test_one_member_is_no_ensemble(search: Search) -> None:
    with pytest.raises(ConfigError, match="at least 2 members"):
        make_recipe(kept(resolve_references(["legal"], search), search.registry), mode="mean")


def test_folders_and_bare_bases_are_members_as_well(
    made: Callable[..., Resolved], search: Search, tiny_base: Path, second_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_adapter(tmp_path / "mine", 7, second_base)
    monkeypatch.chdir(tmp_path)
    ensemble = made("./mine", str(tiny_base), mode="concat")
    assert ensemble.recipe is not None
    assert [member.reference for member in ensemble.recipe.members] == [str(tmp_path / "mine"), str(tiny_base)]
    monkeypatch.chdir("/")
    own = opened(ensemble)
    assert isinstance(own, EnsembleEncoder)
    np.testing.assert_allclose(
        own.encode(TEXTS).vectors,
        combine_concat([alone(search, str(tmp_path / "mine"), TEXTS), alone(search, str(tiny_base), TEXTS)], (0.5, 0.5)),
        atol=1e-6,
    )
    write_adapter(tmp_path / "mine", 8, second_base)
    with pytest.raises(AdapterError, match=r"was made with .*mine of sha256"):
        opened(ensemble)


def test_a_registered_version_named_by_its_folder_is_recorded_by_its_name(search: Search, registry: Registry) -> None:
    folder = str(registry.folder(registry.find("legal", 1)))
    recipe = make_recipe(kept(resolve_references([folder, "medical"], search), registry), mode="mean")
    assert recipe.members[0].reference == "legal@1"


def test_a_hub_reference_is_recorded_with_its_revision(
    made: Callable[..., Resolved], search: Search, tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    snapshot = tmp_path / "models--me--mine" / "snapshots" / "abc123"
    snapshot.mkdir(parents=True)
    write_adapter(snapshot, 5, tiny_base)
    asked: list[str | None] = []

    def snapshot_download(repo: str, *, revision: str | None, local_files_only: bool, **_: object) -> str:
        asked.append(revision)
        return str(snapshot)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    ensemble = made("hf:me/mine", "legal", mode="mean")
    assert ensemble.recipe is not None
    assert ensemble.recipe.members[0].reference == "hf:me/mine@abc123"
    assert asked == [None, "abc123"]


def test_what_was_lent_to_a_base_is_lent_again(search: Search, tiny_base: Path, tmp_path: Path) -> None:
    """A folder that says nothing of its pooling: what the user said when the ensemble was made is kept."""
    import shutil

    silent = tmp_path / "silent"
    shutil.copytree(tiny_base, silent, ignore=shutil.ignore_patterns("1_Pooling"))
    mean_pooled = replace(search, base=str(silent), options=BaseOptions(pooling="mean"))
    found = resolve_references(["base", "legal"], mean_pooled)
    entry = register_ensemble(search.registry, make_recipe(kept(found, search.registry), mode="concat"), "lent")
    again = resolve_reference(entry.reference, search)
    assert [member.encoding.pooling for member in again.members] == ["mean", "mean"]
    assert again.members[0].base.folder == silent.resolve()


def test_a_named_base_must_be_one_of_the_members(
    made: Callable[..., Resolved], search: Search, tiny_base: Path, second_base: Path, tmp_path: Path
) -> None:
    import shutil

    made("legal", "other", mode="concat")
    moved = shutil.copytree(second_base, tmp_path / "moved")
    found = resolve_reference("both", replace(search, base=str(moved)))
    assert [member.base.folder for member in found.members] == [tiny_base.resolve(), moved.resolve()]
    made("legal", "medical", mode="concat")
    with pytest.raises(BaseError, match=r"both@2 was made for tiny-base, and --base .*moved has different weights; omit --base"):
        resolve_reference("both@2", replace(search, base=str(moved)))


def test_rankings_have_no_vectors(made: Callable[..., Resolved]) -> None:
    ensemble = made("legal", "medical", mode="max")
    assert not ensemble.has_vectors
    with pytest.raises(AdapterError, match="both@1 has no vectors: the mode max only ranks passages"):
        open_encoder(ensemble)
    assert made("legal", "medical", mode="mean").has_vectors


# --- the bench


def ndcg_by_hand(scores: np.ndarray, pids: list[str], relevant: dict[str, int]) -> float:
    """Of one query: gains are grades, discounts the logarithm of the rank plus one."""
    best = [relevant.get(pids[row], 0) for row in np.argsort(-scores)[:10]]
    ideal = sorted(relevant.values(), reverse=True)[:10]
    return sum(gain / math.log2(rank + 2) for rank, gain in enumerate(best)) / sum(
        gain / math.log2(rank + 2) for rank, gain in enumerate(ideal)
    )


@pytest.mark.parametrize("mode", list(MODES))
def test_the_bench_gives_the_score_of_the_ranking_done_by_hand(
    made: Callable[..., Resolved], search: Search, toy_folder: Path, mode: str
) -> None:
    references = ["legal", "medical"] if mode == "mean" else ["legal", "other"]
    models = open_models([made(*references, mode=mode, weights=[2, 1])], BASES)
    task = task_from_folder(toy_folder, split="test", language="en")
    queries, corpus, relevant = task.pairs.queries, task.corpus_texts, task.pairs.positives
    vectors = [(alone(search, name, list(queries.values()), "query"), alone(search, name, list(corpus.values()))) for name in references]
    cosines = [asked @ there.T for asked, there in vectors]
    if mode == "mean":
        asked, there = (2 * first + second for first, second in zip(*vectors, strict=True))
        scores = (asked / np.linalg.norm(asked, axis=1)[:, None]) @ (there / np.linalg.norm(there, axis=1)[:, None]).T
    else:
        scores = {
            "concat": (2 * cosines[0] + cosines[1]) / 3,
            "rrf": reference_rrf(cosines, [2 / 3, 1 / 3]),
            "max": np.maximum(cosines[0], cosines[1] / 2),
        }[mode]
    expected = {qid: ndcg_by_hand(scores[row], list(corpus), relevant[qid]) for row, qid in enumerate(queries)}
    told: list[BenchProgress] = []
    result = bench(models, [task], told.append)
    score = result.score(task.metadata.name, "both@1")
    assert 0 < np.mean(list(expected.values())) < 1
    assert score.items == pytest.approx(expected, abs=1e-6)
    assert score.metrics["nDCG@10"] == pytest.approx(np.mean(list(expected.values())), abs=5.1e-6)  # mteb rounds to 5 digits
    assert [model.name for model in models] == ["base", "both@1"]
    assert result.difference(task.metadata.name, "both@1") is not None
    last = [progress for progress in told if progress.reference == "both@1"][-1]
    assert last.done == last.total == len(queries) + len(corpus)


def test_a_searcher_is_refused_where_vectors_are_compared_before_anything_is_scored(made: Callable[..., Resolved]) -> None:
    models = open_models([made("legal", "other", mode="rrf")], BASES)
    tasks = [
        retrieval_task("law", {"p": "law"}, Pairs({"q": "a"}, {"q": {"p": 1}})),
        sts_task("pairs", SentencePairs(["a", "b"], ["c", "d"], [1.0, 2.0])),
    ]
    told: list[BenchProgress] = []
    for run in (lambda: bench(models, tasks, told.append), lambda: plan(models, tasks)):
        with pytest.raises(ConfigError, match=r"both@1 ranks passages and has no vectors, which pairs \(STS\) compares") as caught:
            run()
        assert "\n" not in str(caught.value)
    assert told == []


def test_an_ensemble_with_vectors_is_scored_on_sts(made: Callable[..., Resolved], search: Search) -> None:
    task = sts_task("pairs", SentencePairs(TEXTS[:3], TEXTS[3:], [1.0, 2.0, 3.0]))
    score = bench(open_models([made("legal", "other", mode="concat")], BASES), [task]).score("pairs", "both@1")
    expected = sum((alone(search, name, TEXTS[:3]) * alone(search, name, TEXTS[3:])).sum(1) for name in ("legal", "other")) / 2
    assert list(score.items.values()) == pytest.approx(expected.tolist(), abs=1e-6)


def test_whatever_changes_a_ranking_changes_the_identity(made: Callable[..., Resolved]) -> None:
    plain = opened(made("legal@1", "legal@2", mode="concat"))
    assert isinstance(plain, EnsembleEncoder)
    matrix = np.eye(64, 3, dtype=np.float32)
    variants = [
        plain,
        opened(made("legal@1", "legal@2", mode="mean")),
        opened(made("legal@1", "legal@2", mode="rrf")),
        opened(made("legal@1", "legal@2", mode="max")),
        opened(made("legal@1", "medical", mode="concat")),
        opened(made("legal@1", "other", mode="concat")),
        opened(made("legal@1", "legal@2", "medical", mode="concat")),
        opened(made("legal@1", "legal@2", mode="concat", weights=[2, 1])),
        opened(made("legal@1", "legal@2", mode="concat", weights=[1, 2])),
        replace(plain, projection=matrix),
        replace(plain, projection=2 * matrix),
        replace(plain, members=tuple(replace(member, max_tokens=16) for member in plain.members)),
        replace(plain, members=tuple(replace(member, precision="bf16") for member in plain.members)),
        plain.members[0],
    ]
    assert len({identify("same", variant).revision for variant in variants}) == len(variants)
    same = opened(made("legal@1", "legal@2", mode="concat", weights=[3, 3]))
    assert identify("x", same).revision == identify("y", plain).revision
    assert (identify("x", plain).precision, identify("x", plain).max_tokens) == ("fp32", 512)


def test_an_ensemble_over_two_bases_is_held_against_its_first_members(made: Callable[..., Resolved]) -> None:
    models = open_models([made("other", "legal", mode="max")], BASES)
    assert [(model.name, model.base) for model in models] == [("base", None), ("both@1", "base")]
    assert "second-base, as it is" in models[0].description
    assert "compared with second-base" in models[1].description
    assert [is_searcher(model.encoder) for model in models] == [False, True]


@pytest.mark.parametrize("mode", ["concat", "rrf"])
def test_a_plan_counts_the_tokens_of_all_members(made: Callable[..., Resolved], mode: str) -> None:
    task = retrieval_task("law", {"p1": "the court", "p2": "law " * 20}, Pairs({"q": "law"}, {"q": {"p1": 1}}))
    bases = LoadedBases(EncoderSettings(precision="fp32", max_tokens=16))
    models = open_models([made("legal", "other", mode=mode)], bases)
    base, both = plan(models, [task]).planned
    assert (both.texts, both.truncated, both.tokens) == (base.texts, base.truncated, 2 * base.tokens) == (3, 1, 2 * base.tokens)
    assert both.minutes > 0


def test_truncated_texts_of_a_searcher_are_counted(made: Callable[..., Resolved]) -> None:
    task = retrieval_task("long", {"p1": "the court " * 20, "p2": "law"}, Pairs({"q": "law"}, {"q": {"p1": 1}}))
    models = open_models([made("legal", "other", mode="rrf")], LoadedBases(EncoderSettings(precision="fp32", max_tokens=8)))
    assert [score.truncated for score in bench(models, [task]).scores] == [1, 1]


def test_a_searcher_is_anything_that_searches() -> None:
    """The bench asks for the protocol, not for a class of ours."""

    class Reversed:
        dimension = None

        def search(self, queries: Sequence[str], passages: Sequence[str], top_k: int, *, on_batch: object = None) -> Ranked:
            ranking = [(len(passages) - 1 - rank, -float(rank)) for rank in range(min(top_k, len(passages)))]
            return Ranked([ranking for _ in queries], np.zeros(len(queries), np.bool_), np.zeros(len(passages), np.bool_))

    from adapt_embed.bench.run.identity import Identity

    model = Model("reversed", Reversed(), Identity(name="adapt/r", revision="r", precision="fp32", max_tokens=8), "", None)  # type: ignore[arg-type]
    task = retrieval_task("t", {"a": "x", "b": "y", "c": "z"}, Pairs({"q": "?"}, {"q": {"b": 1}}))
    assert bench([model], [task]).scores[0].metrics["RR@10"] == 0.5


def test_errors_are_of_the_packages_own_tree(tmp_path: Path) -> None:
    with pytest.raises(AdaptError):
        Recipe(mode="concat", members=())
