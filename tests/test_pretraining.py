"""Training on text without pairs: what the steps learn, what is kept of them, and the command."""

import dataclasses
import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from adapt_embed.adapters.pretraining import PretrainConfig, PretrainRequest, prepare_pretraining, pretrain_config_from
from adapt_embed.adapters.pretraining.config import UNREAD
from adapt_embed.adapters.pretraining.heads import TokenHead, token_vectors
from adapt_embed.adapters.pretraining.learner import Texts
from adapt_embed.adapters.pretraining.run import PretrainResult, make_texts, open_objective, pretrain_adapter
from adapt_embed.adapters.pretraining.table import OBJECTIVES as TABLE
from adapt_embed.adapters.settings.pretraining import PretrainingSettings
from adapt_embed.adapters.settings.setting import describe_settings
from adapt_embed.base import Base, BaseOptions, load_base, resolve_base
from adapt_embed.cli import main
from adapt_embed.data.training_texts import read_sketch
from adapt_embed.data.unlabelled import UnlabelledTexts, read_texts, take_texts
from adapt_embed.data.words import terms_of
from adapt_embed.encoders import LoraEncoder
from adapt_embed.errors import ConfigError, DataError, RequestError
from adapt_embed.events import Quiet, Step
from adapt_embed.lora import factors_sha256
from adapt_embed.publish.card.command import command_of
from adapt_embed.references import Search
from adapt_embed.registry import open_registry
from click.testing import CliRunner, Result

WORDS = ["court", "judge", "tenant", "rent", "law", "school", "river", "army"]
TEXTS = [f"the {one} and the {other} of the {one}" for one in WORDS for other in WORDS if one != other]
SETTINGS = {
    "epochs": 2,
    "batch_size": 8,
    "max_tokens": 16,
    "rank": 4,
    "learning_rate": 5e-3,
    "precision": "fp32",
    "held_out": 0.2,
    "token_head_rate": 2,
}
OBJECTIVES = ("mlm", "tsdae")


def config_of(**more: object) -> PretrainConfig:
    return PretrainConfig(**(SETTINGS | more))  # type: ignore[arg-type]


def cut(base: Base, config: PretrainConfig) -> Texts:
    taken = take_texts(TEXTS, most=None, held_out=config.held_out, seed=0)
    return make_texts(base, taken, config, terms_of(()))


def run(base: Base, **more: object) -> PretrainResult:
    config = config_of(**more)
    return pretrain_adapter(base, cut(base, config), config)


# The settings


def test_settings_that_are_not_read_are_not_offered() -> None:
    with pytest.raises(ConfigError, match=r"Known: .*mask_share") as refused:
        pretrain_config_from({"mask_shar": 1})
    assert not any(f" {name}," in str(refused.value) for name in UNREAD)


def test_settings_of_pairs_are_refused_by_name_and_left_out_of_the_record() -> None:
    with pytest.raises(RequestError, match="pretraining does not read positives_per_query"):
        pretrain_config_from({"positives_per_query": 2})
    with pytest.raises(RequestError, match="does not read l1"):
        PretrainConfig(l1=0.1)
    with pytest.raises(RequestError, match="the objective mlm does not read deletion_share; it reads mask_share, term_share"):
        pretrain_config_from({"pretraining.deletion_share": 0.5})
    with pytest.raises(ConfigError, match="mask_share is 1"):
        PretrainConfig(mask_share=1)
    assert not {"temperature", "side", "deletion_share", "init_from"} & PretrainConfig().as_dict().keys()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"init": "orthogonal", "rank": 3}, "needs an even rank"),
        ({"init": "pissa", "dora": True}, "leave out one of the two"),
        ({"init": "olora", "dropout": 0.1}, "leave out dropout"),
    ],
)
def test_variants_of_lora_that_exclude_one_another_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        pretrain_config_from(values)


# The steps


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_head_is_trained_alone_at_first_and_thrown_away(loaded_tiny_base: Base, objective: str) -> None:
    alone = run(loaded_tiny_base, objective=objective, token_head_share=0.99, steps=6, eval_steps=6)
    assert all(not module.b.any() for module in alone.run.factors.values())
    both = run(loaded_tiny_base, objective=objective, token_head_share=0.2, steps=6, eval_steps=6)
    assert any(module.b.any() for module in both.run.factors.values())
    assert set(both.run.factors) == {name for name in both.run.factors if name in dict(loaded_tiny_base.model.named_modules())}


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_held_out_loss_falls_and_the_base_is_the_same_bits(loaded_tiny_base: Base, objective: str) -> None:
    before = {name: value.clone() for name, value in loaded_tiny_base.model.state_dict().items()}
    flags = {name: value.requires_grad for name, value in loaded_tiny_base.model.named_parameters()}
    done = run(loaded_tiny_base, objective=objective, epochs=6)
    after = loaded_tiny_base.model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert flags == {name: value.requires_grad for name, value in loaded_tiny_base.model.named_parameters()}
    first = done.run.evaluations[0].score
    assert done.after < done.before < first
    assert done.run.best is min(done.run.evaluations[1:], key=lambda each: each.score)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_one_seed_gives_one_run_and_another_another(loaded_tiny_base: Base, objective: str) -> None:
    first, second, other = (run(loaded_tiny_base, objective=objective, steps=4, seed=seed) for seed in (0, 0, 1))
    assert first.run.losses == second.run.losses
    assert factors_sha256(first.run.factors) == factors_sha256(second.run.factors)
    assert first.run.losses != other.run.losses


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_measuring_twice_gives_one_number(loaded_tiny_base: Base, objective: str) -> None:
    config = config_of(objective=objective)
    made = open_objective(loaded_tiny_base, cut(loaded_tiny_base, config), config)
    assert made.held_out_loss(loaded_tiny_base) == made.held_out_loss(loaded_tiny_base)


def test_micro_batches_give_the_gradient_of_the_batch(loaded_tiny_base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    from adapt_embed.adapters.pretraining import masked_words

    config = config_of(token_head_share=0.0)
    made = open_objective(loaded_tiny_base, cut(loaded_tiny_base, config), config)

    def gradient() -> tuple[float, torch.Tensor]:
        made.head.zero_grad()  # type: ignore[attr-defined]
        loss = made.accumulate(loaded_tiny_base, 0, 0).loss
        return loss, made.head.dense.weight.grad.clone()  # type: ignore[attr-defined]

    loss, whole = gradient()
    monkeypatch.setattr(masked_words, "micro_batch_tokens", lambda *_: 1)
    again, parts = gradient()
    assert loss == pytest.approx(again, rel=1e-6)
    assert torch.allclose(whole, parts, atol=1e-6)


def test_the_loss_is_of_masked_tokens_alone(loaded_tiny_base: Base) -> None:
    config = config_of()
    made = open_objective(loaded_tiny_base, cut(loaded_tiny_base, config), config)
    masked = made.masked(loaded_tiny_base, 0)  # type: ignore[attr-defined]
    tokens = torch.from_numpy(np.stack([np.resize(each.ids, 16) for each in masked if len(each.ids) >= 16] or [masked[0].ids])).long()
    assert tokens.numel()
    wanted = torch.cat([torch.from_numpy(each.wanted[each.wanted >= 0]) for each in masked]).long()
    states = torch.cat(
        [
            loaded_tiny_base.model(torch.from_numpy(each.ids[None]).long()).last_hidden_state[0][torch.from_numpy(each.wanted >= 0)]
            for each in masked
        ]
    )
    expected = torch.nn.functional.cross_entropy(logits(made.head, states), wanted)  # type: ignore[attr-defined]
    assert made.accumulate(loaded_tiny_base, 0, 0).loss == pytest.approx(expected.item(), rel=1e-5)


def logits(head: TokenHead, states: torch.Tensor) -> torch.Tensor:
    return head.norm(torch.nn.functional.gelu(head.dense(states))) @ head._embeddings[0].T + head.bias


def test_logits_in_blocks_give_the_same_loss_and_gradient(loaded_tiny_base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    from adapt_embed.adapters.pretraining import heads

    vectors = token_vectors(loaded_tiny_base)
    head = TokenHead(vectors, 32, np.arange(len(vectors)))
    states, wanted = torch.randn(20, 32, requires_grad=True), torch.arange(20)
    whole = head.loss_sum(states, wanted)
    (expected,) = torch.autograd.grad(whole, states)
    monkeypatch.setattr(heads, "BLOCK_BYTES", 4 * len(vectors) * 7)
    parts = head.loss_sum(states, wanted)
    (found,) = torch.autograd.grad(parts, states)
    assert parts.item() == pytest.approx(whole.item(), rel=1e-6)
    assert torch.allclose(found, expected, atol=1e-6)
    assert not vectors.requires_grad
    assert not any(parameter.shape == vectors.shape for parameter in head.parameters())


def test_the_decoder_sees_the_vector_and_no_later_token(loaded_tiny_base: Base) -> None:
    config = config_of(objective="tsdae")
    made = open_objective(loaded_tiny_base, cut(loaded_tiny_base, config), config)
    decoder, ids, mask = made.head, torch.tensor([[2, 10, 11, 3]]), torch.ones(1, 4)  # type: ignore[attr-defined]
    seen: list[torch.Tensor] = []
    decoder.layer.register_forward_hook(lambda _module, _inputs, states: seen.append(states.detach()))
    one, other = torch.nn.functional.normalize(torch.randn(2, 32), dim=-1)
    for vector, tokens in ((one, ids), (other, ids), (one, torch.tensor([[2, 10, 12, 3]]))):
        decoder.loss_sum(vector[None], tokens, mask)
    assert not torch.allclose(seen[0], seen[1])
    assert torch.allclose(seen[0][:, :2], seen[2][:, :2], atol=1e-6)
    assert not torch.allclose(seen[0][:, 2], seen[2][:, 2])


def test_a_base_without_a_token_for_masked_words_is_refused(loaded_tiny_base: Base) -> None:
    loaded_tiny_base.tokenizer.mask_token = None
    with pytest.raises(ConfigError, match=r"has no token for masked words.*--objective tsdae"):
        open_objective(loaded_tiny_base, cut(loaded_tiny_base, config_of()), config_of())


# The job


class Stops(Quiet):
    def __init__(self, after: int) -> None:
        self.after, self.notes = after, list[str]()

    def step(self, at: Step) -> None:
        if at.step == self.after:
            raise KeyboardInterrupt

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "registry"


@pytest.fixture
def request_of(home: Path, tiny_base: Path) -> Callable[..., PretrainRequest]:
    def make(**more: object) -> PretrainRequest:
        where = Search(registry=open_registry(home), base=str(tiny_base))
        return PretrainRequest(**({"domain": "legal", "texts": TEXTS, "config": config_of(), "where": where} | more))  # type: ignore[arg-type]

    return make


def test_a_run_that_was_interrupted_ends_as_one_that_was_not(request_of: Callable[..., PretrainRequest]) -> None:
    whole = prepare_pretraining(request_of(register=False)).run()
    heard = Stops(5)
    with pytest.raises(KeyboardInterrupt):
        prepare_pretraining(request_of()).run(heard)
    assert "interrupted after step" in heard.notes[-1]
    assert prepare_pretraining(request_of()).plan().interrupted
    heard = Stops(0)
    outcome = prepare_pretraining(request_of(resume=True)).run(heard)
    assert any(note.startswith("resuming the interrupted run") for note in heard.notes)
    assert outcome.result.run.losses == whole.result.run.losses
    assert factors_sha256(outcome.factors) == factors_sha256(whole.factors)


def test_rows_that_a_corpus_keeps_for_testing_are_left_out_and_told(request_of: Callable[..., PretrainRequest], tmp_path: Path) -> None:
    corpus = tmp_path / "语料.csv"
    rows = [f"{text},{'test' if number % 4 == 0 else '训练'}\n" for number, text in enumerate(TEXTS)]
    corpus.write_text("".join(["text,划分\n", *rows]), encoding="utf-8")
    job = prepare_pretraining(request_of(texts=(), corpus=[corpus]))
    assert {*job.corpus.texts.train, *job.corpus.texts.held_out} == {text for number, text in enumerate(TEXTS) if number % 4}
    assert any("14 rows left out, which the column split keeps for choosing or testing (14 test)" in note for note in job.corpus.notes)
    corpus.write_text("text,split\none,test\nother,dev\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"keeps all rows for choosing or testing \(1 test, 1 dev\)"):
        prepare_pretraining(request_of(texts=(), corpus=[corpus]))


def test_another_pooling_is_another_run(request_of: Callable[..., PretrainRequest], home: Path, tiny_base: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        prepare_pretraining(request_of()).run(Stops(5))
    pooled = Search(registry=open_registry(home), base=str(tiny_base), options=BaseOptions(pooling="mean"))
    assert prepare_pretraining(request_of(where=pooled)).plan().interrupted is None
    assert prepare_pretraining(request_of()).plan().interrupted


def test_a_version_says_what_it_learned_from_and_encodes(request_of: Callable[..., PretrainRequest], home: Path) -> None:
    outcome = prepare_pretraining(request_of()).run()
    entry = outcome.entry
    assert entry is not None
    assert (entry.reference, entry.kind, entry.config["objective"]) == ("legal-pretrained@1", "adapter", "mlm")
    held = entry.scores["held out"]
    assert (held.metric, held.before, held.after) == ("masked loss", outcome.result.before, outcome.result.after)
    assert entry.data is not None
    assert entry.data.counts == {"texts": len(TEXTS) - 11, "held_out": 11}
    shown = CliRunner().invoke(main, ["show", "legal-pretrained", "--registry", str(home)])
    assert "masked loss" in shown.stdout
    sketch = read_sketch(home / "legal-pretrained" / "1")
    assert sketch is not None
    assert len(sketch.queries) == 0
    named = dataclasses.replace(entry, data=dataclasses.replace(entry.data, source="docs.jsonl + sample:legal/en"), seed=0)
    command = command_of(named, "bge-small-en") or ""
    assert command.startswith("adapt pretrain --domain legal --name legal-pretrained --corpus docs.jsonl --data sample --base bge-small-en")
    assert "--set rank=4" in command
    plain, adapted = (LoraEncoder(outcome.base, factors=each).encode(["the court"], "query").vectors for each in (None, outcome.factors))
    assert not np.allclose(plain, adapted, atol=1e-4)


def test_nothing_is_written_where_nothing_is_registered(request_of: Callable[..., PretrainRequest], home: Path) -> None:
    outcome = prepare_pretraining(request_of(register=False)).run()
    assert outcome.entry is None
    assert not home.exists()


def test_terms_of_a_glossary_make_another_run_but_not_another_measure(request_of: Callable[..., PretrainRequest], tmp_path: Path) -> None:
    glossary = tmp_path / "terms.csv"
    glossary.write_text("term,synonyms\nthe court,tribunal\n", encoding="utf-8")
    plain, named = (prepare_pretraining(request_of(register=False, glossary=each)).run() for each in (None, glossary))
    assert plain.result.run.losses != named.result.run.losses
    assert plain.result.run.evaluations[0] == named.result.run.evaluations[0]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"texts": ()}, "there is no text to train on"),
        ({"texts": "one"}, "texts is one text"),
        ({"resume": True, "register": False}, "nothing to resume"),
        ({"columns": {"text": "body"}}, "columns are of --corpus"),
    ],
)
def test_what_contradicts_itself_is_refused(request_of: Callable[..., PretrainRequest], more: dict, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        request_of(**more)


def test_what_is_not_there_is_refused_before_the_base_is_loaded(request_of: Callable[..., PretrainRequest], tmp_path: Path) -> None:
    for more in ({"corpus": [tmp_path / "no.jsonl"]}, {"glossary": tmp_path / "no.csv"}, {"data": str(tmp_path / "no")}):
        with pytest.raises(DataError, match="does not exist"):
            prepare_pretraining(request_of(**more))


# The command


def pretrain(home: Path, base: Path, *more: object) -> Result:
    settings = [part for name, value in SETTINGS.items() if name != "precision" for part in ("--set", f"{name}={value}")]
    given = ["pretrain", "--domain", "法律", "--base", base, "--registry", home, "--dtype", "fp32", *settings, *more]
    return CliRunner().invoke(main, [str(each) for each in given])


def test_the_command_trains_on_chinese_lines_and_prints_one_object(home: Path, tiny_base: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "法条.txt"
    corpus.write_text("".join(f"第{number}条 人民法院判决承租人支付租金\n" for number in range(40)), encoding="utf-8")
    result = pretrain(home, tiny_base, "--corpus", corpus, "--lang", "zh", "--objective", "tsdae", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["reference"], told["objective"], told["held_out"]["metric"]) == ("法律-pretrained@1", "tsdae", "denoising loss")
    assert len(told["losses"]) == told["steps"]


def test_the_printed_settings_give_the_same_bytes(home: Path, tiny_base: Path, toy_folder: Path, tmp_path: Path) -> None:
    given = ("--corpus", toy_folder, "--set", "steps=4", "--set", "mask_share=0.3", "--seed", 3)
    printed = pretrain(home, tiny_base, *given, "--print-config")
    assert tomllib.loads(printed.stdout)["pretraining"]["mask_share"] == 0.3
    file = tmp_path / "run.toml"
    file.write_text(printed.stdout, encoding="utf-8")
    assert pretrain(home, tiny_base, *given).exit_code == 0
    again = ["pretrain", "--domain", "法律", "--base", tiny_base, "--registry", home, "--corpus", toy_folder, "--config", file]
    assert CliRunner().invoke(main, [str(each) for each in again]).exit_code == 0
    first, second = ((home / "法律-pretrained" / version / "adapter_model.safetensors").read_bytes() for version in "12")
    assert first == second


def test_the_plan_of_a_source_of_pairs_reads_its_passages_alone(home: Path, tiny_base: Path, toy_folder: Path) -> None:
    result = pretrain(home, tiny_base, "--data", toy_folder, "--dry-run", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["texts"] + told["held_out"], told["steps"]) == (32, 8)
    assert not home.exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ((), "there is no text to train on"),
        (("--corpus", "no.txt"), "the corpus no.txt does not exist"),
        (("--set", "temperature=1"), "unknown setting 'temperature'"),
        (("--dry-run", "--print-config", "--data", "sample"), "exclude one another"),
    ],
)
def test_a_wrong_word_is_one_line(home: Path, tiny_base: Path, more: tuple[str, ...], message: str) -> None:
    result = pretrain(home, tiny_base, *more)
    assert result.exit_code in (1, 2)
    assert message in result.stderr
    assert "Traceback" not in result.stderr


# Real weights


@pytest.mark.shared
def test_the_held_out_masked_loss_falls_on_medquad(shared: Path) -> None:
    base = load_base(resolve_base(str(shared / "bases" / "bge-small-en-v1.5")))
    texts, _ = read_texts(shared / "data" / "medical-medquad", {})
    some = [text[:120] for _, text in zip(range(150), texts, strict=False)]
    settings = {"steps": 24, "batch_size": 8, "max_tokens": 24, "eval_steps": 6, "token_head_share": 0.25, "held_out": 0.1}
    config = PretrainConfig(rank=8, learning_rate=1e-3, precision="fp32", **settings)  # type: ignore[arg-type]
    taken: UnlabelledTexts = take_texts(some, most=None, held_out=config.held_out, seed=0)
    done = pretrain_adapter(base, make_texts(base, taken, config, terms_of(())), config)
    assert done.after < done.before < done.run.evaluations[0].score
    alone = pretrain_adapter(
        base, make_texts(base, taken, config, terms_of(())), dataclasses.replace(config, token_head_share=0.99, eval_steps=24)
    )
    assert done.after < alone.after


# The docs


def test_the_table_in_the_docs_is_that_of_the_settings() -> None:
    described = describe_settings(PretrainConfig)
    names = [*describe_settings(PretrainingSettings), "epochs", "batch_size", "max_tokens", "eval_steps"]
    rows = []
    for each in (described[name] for name in names):
        shown = "none" if each.default is None else each.default
        rows.append(f"| `{each.name}` | `{shown}` | {each.setting.help} | {each.setting.when} |")
    text = (Path(__file__).parent.parent / "docs" / "pretraining.md").read_text(encoding="utf-8")
    assert text[text.index("| setting | default |") :].split("\n\n")[0].splitlines()[2:] == rows
    assert all(row.source in text for row in TABLE.values())
