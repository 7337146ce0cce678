"""`adapt merge`: what it registers loads in peft and in sentence-transformers, and what does not fit is one line."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from adapt_embed.base import load_base, resolve_base
from adapt_embed.cli import main
from adapt_embed.encoders import LoraEncoder
from adapt_embed.lora import LoraFactors, LoraModule, read_lora, write_lora
from adapt_embed.lora.gram_file import GRAMS, write_grams
from adapt_embed.lora.grams import store_gram
from adapt_embed.registry import open_registry
from click.testing import CliRunner, Result

TEXTS = ["the court and the judge of appeal", "a tenant", "rent " * 20]
QUERY, DENSE = "encoder.layer.0.attention.self.query", "encoder.layer.1.output.dense"
WEIGHTS = "adapter_model.safetensors"


def factors(seed: int, *names: str, rank: int = 2) -> LoraFactors:
    draw = torch.Generator().manual_seed(seed)
    width = {QUERY: 32, DENSE: 64}
    return {
        name: LoraModule(torch.randn(rank, width[name], generator=draw), torch.randn(32, rank, generator=draw) * 0.1, 1.0) for name in names
    }


def peft_folder(folder: Path, base: Path, content: LoraFactors) -> Path:
    folder.mkdir()
    write_lora(content, folder / WEIGHTS)
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 2, "base_model_name_or_path": str(base), "target_modules": sorted(content)}
    rank = next(iter(content.values())).rank
    (folder / "adapter_config.json").write_text(json.dumps(config | {"r": rank, "lora_alpha": rank}))
    return folder


def adapt(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def adapt_json(*arguments: object) -> dict:
    result = adapt(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def registered(tiny_base: Path, tmp_path: Path) -> None:
    """`legal` on two modules, `medical` of another rank on one of them, in the default registry."""
    contents = {"legal": factors(0, QUERY, DENSE), "medical": factors(1, DENSE, rank=3)}
    for name, content in contents.items():
        adapt_json("add", peft_folder(tmp_path / name, tiny_base, content), "--domain", name)


def stored(reference: str) -> tuple[LoraFactors, Path]:
    registry = open_registry()
    folder = registry.folder(registry.find_reference(reference))
    return read_lora(folder), folder


@pytest.mark.usefixtures("registered")
def test_two_names_are_enough(tiny_base: Path) -> None:
    before = {name: (stored(name)[1] / WEIGHTS).read_bytes() for name in ("legal", "medical")}
    told = adapt_json("merge", "legal", "medical", "--rank", "full")
    merged, _ = stored(told["reference"])
    legal, medical = stored("legal")[0], stored("medical")[0]
    assert told["reference"] == "legal-medical@1"
    torch.testing.assert_close(merged[DENSE].delta(), (legal[DENSE].delta() + medical[DENSE].delta()) / 2, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(merged[QUERY].delta(), legal[QUERY].delta() / 2, atol=1e-6, rtol=1e-5)
    assert {name: (stored(name)[1] / WEIGHTS).read_bytes() for name in before} == before
    assert told["bytes"] == (stored(told["reference"])[1] / WEIGHTS).stat().st_size
    assert open_registry().verify().is_clean


@pytest.mark.parametrize(
    ("with_grams", "arguments", "method"),
    [
        ((0, 1), (), "regmean"),
        ((0, 1), ("base",), "regmean"),
        ((0, 1), ("--method", "linear"), "linear"),
        ((0, 1), ("--weights", "1,-0.5"), "linear"),
        ((0,), (), "linear"),
    ],
)
def test_regmean_is_taken_where_every_input_carries_gram_matrices(
    tiny_base: Path, tmp_path: Path, with_grams: tuple[int, ...], arguments: tuple[str, ...], method: str
) -> None:
    folders = [peft_folder(tmp_path / str(number), tiny_base, factors(number, DENSE)) for number in range(2)]
    for number in with_grams:
        seen = torch.randn(64, 200, generator=torch.Generator().manual_seed(number))
        write_grams({DENSE: store_gram(seen @ seen.T / 200, 8)}, folders[number] / GRAMS)
    ran = adapt("merge", *folders, *arguments, "--base", tiny_base, "--name", "both", "--json")
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.stdout)["config"]["method"] == method
    assert ("method: regmean, for every input carries Gram matrices" in ran.stderr) == (method == "regmean")


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("arguments", [("--rank", "full"), (), ("--method", "ties", "--rank", 3)])
@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning")
def test_peft_and_sentence_transformers_load_the_merge_and_give_the_same_vectors(tiny_base: Path, arguments: tuple) -> None:
    from sentence_transformers import SentenceTransformer

    reference = adapt_json("merge", "legal", "medical", *arguments)["reference"]
    merged, folder = stored(reference)
    ranks = {name: module.rank for name, module in merged.items()}
    if arguments != ("--method", "ties", "--rank", 3):
        assert len(set(ranks.values())) > 1  # so that the patterns are put to use
    ours = LoraEncoder(load_base(resolve_base(str(tiny_base))), merged, precision="fp32").encode(TEXTS).vectors
    theirs = SentenceTransformer(str(folder), device="cpu").encode(TEXTS)
    np.testing.assert_allclose(theirs, ours, atol=2e-6)
    assert np.abs(theirs - LoraEncoder(load_base(resolve_base(str(tiny_base)))).encode(TEXTS).vectors).max() > 1e-3

    from peft import PeftModel
    from peft.tuners.lora import LoraLayer
    from transformers import AutoModel

    model = PeftModel.from_pretrained(AutoModel.from_pretrained(tiny_base), folder)
    found = {name.removeprefix("base_model.model."): module for name, module in model.named_modules() if isinstance(module, LoraLayer)}
    assert sorted(found) == sorted(merged)
    for name, module in found.items():
        torch.testing.assert_close(module.get_delta_weight("default"), merged[name].delta(), atol=1e-6, rtol=1e-4)


@pytest.mark.usefixtures("registered")
def test_the_same_merge_gives_the_same_bytes_and_another_seed_others() -> None:
    seeds = (0, 0, 1)
    folders = [stored(adapt_json("merge", "legal", "medical", "--method", "dare_ties", "--seed", seed)["reference"])[1] for seed in seeds]
    names = [path.relative_to(folders[0]) for path in folders[0].rglob("*") if path.is_file() and path.name != "adapt.json"]
    assert all((folders[0] / name).read_bytes() == (folders[1] / name).read_bytes() for name in names)
    assert (folders[0] / WEIGHTS).read_bytes() != (folders[2] / WEIGHTS).read_bytes()


@pytest.mark.usefixtures("registered")
def test_the_entry_and_the_tree_say_what_was_merged() -> None:
    adapt_json("merge", "legal", "medical", "--weights", "0.7,-0.2", "--name", "both", "--with-base", 0.5)
    adapt_json("merge", "both", "legal@1", "base", "--name", "twice")
    entry = open_registry().find_reference("both")
    assert [(parent.reference, parent.weight) for parent in entry.parents] == [("legal@1", 0.7), ("medical@1", -0.2)]
    assert all(len(parent.sha256) == 64 for parent in entry.parents)
    assert (entry.kind, entry.method, entry.domain, entry.config["with_base"], entry.seed) == ("merge", "linear", None, 0.5, 0)
    assert 0.99 <= entry.config["energy_kept"] <= 1
    tree = adapt("show", "twice").stdout.split("lineage\n")[1]
    for line in ("both@1", "legal@1", "medical@1", "weight 0.7", "weight -0.2", "weight 0.333333", "base"):
        assert line in tree
    refused = adapt("rm", "legal@1")
    assert (refused.exit_code, "both@1" in refused.stderr) == (1, True)


@pytest.mark.usefixtures("registered")
def test_folders_are_parents_as_well(tiny_base: Path, tmp_path: Path) -> None:
    bare = peft_folder(tmp_path / "bare", tiny_base, factors(5, DENSE))
    told = adapt_json("merge", bare, "legal", "--weights", "1,0", "--rank", "full")
    torch.testing.assert_close(stored(told["reference"])[0][DENSE].delta(), read_lora(bare)[DENSE].delta(), atol=1e-6, rtol=1e-5)
    assert [parent["reference"] for parent in told["parents"]] == [str(bare), "legal@1"]


@pytest.mark.usefixtures("registered")
def test_each_reference_is_located_once(tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from adapt_embed.references.locate import LOCATORS

    seen: list[str] = []
    for way, real in list(LOCATORS.items()):
        monkeypatch.setitem(LOCATORS, way, lambda text, search, real=real: (seen.append(text), real(text, search))[1])
    bare = str(peft_folder(tmp_path / "bare", tiny_base, factors(5, DENSE)))
    adapt_json("merge", bare, "legal", "base", "medical")
    assert seen == ["base", "legal", "medical", bare]


@pytest.mark.usefixtures("registered")
def test_merging_needs_no_base(tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from adapt_embed.base import load

    monkeypatch.setattr(load, "load_base", lambda *_: pytest.fail("a base was loaded"))
    monkeypatch.setattr("adapt_embed.references.recorded_base.find_base", lambda *_, **__: pytest.fail("a base was looked for"))
    adapt_json("merge", "legal", "medical")


@pytest.mark.usefixtures("registered")
def test_dry_run_writes_nothing() -> None:
    told = adapt_json("merge", "legal", "medical", "--dry-run")
    assert (told["rank"], len(open_registry().entries())) == (5, 2)


def test_methods_are_listed_without_any_adapter() -> None:
    from adapt_embed.merge import METHODS

    assert [row["name"] for row in adapt_json("merge", "--methods")["methods"]] == list(METHODS)
    assert all(row["source"].startswith("https://") for row in adapt_json("merge", "--methods")["methods"])


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize(
    "arguments, code, message",
    [
        ((), 2, "name the adapters to merge"),
        (("base",), 1, "nothing to merge but the base itself"),
        (("legal", "nope"), 1, "unknown adapter 'nope'. Known: legal, medical"),
        (("legal", "medical", "--weights", "1"), 2, "2 adapters to merge and 1 weight;"),
        (("legal", "medical", "--weights", "1,nan"), 2, "not finite"),
        (("legal", "medical", "--weights", "a,b"), 2, "such as 0.7,0.3"),
        (("legal", "medical", "--explain", "--weights", "1,2"), 2, "--weights does nothing beside it"),
        (("legal", "medical", "--with-base", "nan"), 2, "not a finite number"),
        (("legal", "medical", "--seed", "-1"), 2, "-1 is not in the range"),
        (("legal", "medical", "--rank", "0"), 2, "auto, full or a whole number above 0"),
        (("legal", "medical", "--energy", "1.5"), 2, "1.5 is not in the range 0<x<=1"),
        (("legal", "medical", "--energy", "0.9", "--rank", "4"), 2, "--energy decides the rank of --rank auto"),
        (("legal", "medical", "--method", "tie"), 1, "unknown merge method 'tie'"),
        (
            ("legal", "medical", "--density", "0.3"),
            2,
            "linear, which is taken where no --method is given, does not read --density; the methods that do: ties",
        ),
        (("legal", "medical", "--method", "ties", "--density", "0"), 2, "density is 0.0"),
        (("legal", "medical", "--method", "slerp", "--weights", "1,-1"), 1, "takes weights of 0 and above"),
        (("legal", "medical", "--method", "regmean"), 1, "legal@1 carries no activation Gram matrices"),
        (("legal", "medical", "--name", "base"), 1, "'base' is taken"),
        (("legal", "medical", "--name", "Legal"), 1, "differs from the registered 'legal' only in case"),
        (("legal", "medical", "base", "--method", "slerp"), 2, "slerp merges 2 adapters, and 3 were given"),
    ],
)
def test_what_does_not_fit_is_one_line_and_writes_nothing(arguments: tuple[str, ...], code: int, message: str) -> None:
    ran = adapt("merge", *arguments)
    assert (ran.exit_code, message in ran.stderr) == (code, True), ran.output
    assert "Traceback" not in ran.output
    assert len(open_registry().entries()) == 2


@pytest.mark.usefixtures("registered")
def test_adapters_of_two_bases_are_refused(second_base: Path, tmp_path: Path) -> None:
    foreign = peft_folder(tmp_path / "foreign", second_base, factors(0, DENSE))
    ran = adapt("merge", "legal", foreign)
    assert (ran.exit_code, "weights can be merged on one base alone" in ran.stderr) == (1, True)
