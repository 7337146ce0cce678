"""Folders as sentence-transformers, peft and people lay them out: adapt's vectors are sentence-transformers' own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from adapt_embed.base import load_base, resolve_base
from adapt_embed.base.positions import count_positions, read_positions
from adapt_embed.base.resolve import BaseOptions
from adapt_embed.cli import main
from adapt_embed.encoders import LoraEncoder
from adapt_embed.ensemble import make_recipe
from adapt_embed.ensemble.register import register_ensemble
from adapt_embed.errors import BaseError
from adapt_embed.references import EncoderSettings, LoadedBases, Search, as_member, open_encoder, resolve_reference
from adapt_embed.registry import Registry, open_registry
from adapt_embed.registry.foreign import add_folder
from click.testing import CliRunner

TEXTS = [
    "The court",
    "who pays the RENT of the house?",
    "the tenant pays the rent " * 12 + "to the landlord of the house by the river",
    "法院与法官 " * 14 + "合同的租金",
    " Money  for the ship ",
    "",
]
WORDS = [
    "the",
    "court",
    "judge",
    "pays",
    "rent",
    "of",
    "house",
    "who",
    "tenant",
    "landlord",
    "river",
    "money",
    "for",
    "ship",
    "to",
    "by",
    "法",
    "院",
    "与",
    "官",
    "合",
    "同",
    "的",
    "租",
    "金",
]
Edit = Callable[[Path], None]


def write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def update(path: Path, **values: object) -> None:
    write(path, (json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}) | values)


def word_pieces(folder: Path, *, lowercase: bool) -> None:
    """Write a WordPiece tokenizer with upper- and lower-case words and pieces."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    letters = "abcdefghijklmnopqrstuvwxyz"
    pieces = [*WORDS, "The", "RENT", "Money", "?", *letters, *letters.upper(), *("##" + letter for letter in letters + letters.upper())]
    vocabulary = {
        word: row
        for row, word in enumerate(dict.fromkeys(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ":", "query", "passage", *pieces]))
    }
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))  # type: ignore[call-arg]
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = [("[CLS]", 2), ("[SEP]", 3)]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=special
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    write(folder / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 64} | names)


def byte_pairs(folder: Path) -> None:
    """Write a byte-level tokenizer as RoBERTa's: white space counts, and the padding id is 1."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        TEXTS, trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False)
    )
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {
        "pad_token": "<pad>",
        "unk_token": "<unk>",
        "cls_token": "<s>",
        "sep_token": "</s>",
        "mask_token": "<mask>",
        "bos_token": "<s>",
        "eos_token": "</s>",
    }
    write(folder / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 512} | names)


def network(folder: Path, kind: str = "bert", **settings: object) -> None:
    from transformers import AutoConfig, AutoModel

    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64, "vocab_size": 512}
    config = AutoConfig.for_model(kind, **sizes | {"max_position_embeddings": 64, "pad_token_id": 0} | settings)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = AutoModel.from_config(config).eval()
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.data.normal_(0, 0.3)
    model.save_pretrained(folder)


def sentence_files(folder: Path, pooling: str = "mean", prompts: dict[str, str] | None = None) -> None:
    kinds = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    write(
        folder / "modules.json",
        [{"idx": n, "name": str(n), "path": p, "type": f"sentence_transformers.models.{k}"} for n, (p, k) in enumerate(kinds)],
    )
    modes = {"pooling_mode_cls_token": pooling == "cls", "pooling_mode_mean_tokens": pooling == "mean"}
    write(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": 32} | modes)
    (folder / "2_Normalize").mkdir()
    if prompts is not None:
        write(
            folder / "config_sentence_transformers.json", {"prompts": prompts, "default_prompt_name": None, "similarity_fn_name": "cosine"}
        )


@pytest.fixture(scope="module")
def uncased(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of 64 positions with a lower-casing tokenizer and mean pooling, and no sentence configuration."""
    folder = tmp_path_factory.mktemp("layouts") / "uncased"
    folder.mkdir()
    network(folder)
    word_pieces(folder, lowercase=True)
    sentence_files(folder)
    return folder


@pytest.fixture(scope="module")
def cased(uncased: Path) -> Path:
    folder = uncased.with_name("cased")
    shutil.copytree(uncased, folder)
    word_pieces(folder, lowercase=False)
    return folder


@pytest.fixture(scope="module")
def roberta(uncased: Path) -> Path:
    folder = uncased.with_name("roberta")
    folder.mkdir()
    network(folder, "roberta", pad_token_id=1, bos_token_id=0, eos_token_id=2, max_position_embeddings=66)
    byte_pairs(folder)
    sentence_files(folder, "cls")
    return folder


def of_sentence_transformers(folder: Path, role: str, texts: list[str] = TEXTS) -> np.ndarray:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    encode = model.encode_query if role == "query" else model.encode_document
    vectors: np.ndarray = encode(texts, normalize_embeddings=True, batch_size=1)  # one text a batch: no padding
    return vectors


def of_adapt(folder: Path, role: str) -> np.ndarray:
    return LoraEncoder(load_base(resolve_base(str(folder))), precision="fp32").encode(TEXTS, role).vectors  # type: ignore[arg-type]


def agree(ours: np.ndarray, theirs: np.ndarray) -> bool:
    return bool((ours * theirs).sum(1).min() > 0.99999)


def config(name: str = "sentence_bert_config.json", **values: object) -> Edit:
    return lambda folder: write(folder / name, values)


def of_tokenizer(**values: object) -> Edit:
    return lambda folder: update(folder / "tokenizer_config.json", **values)


def prompts(**texts: str) -> Edit:
    return lambda folder: update(folder / "config_sentence_transformers.json", prompts=texts)


def saved(length: int) -> Edit:
    """Load the folder in the installed sentence-transformers, cut its length, and save it there."""

    def save(folder: Path) -> None:
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(str(folder), device="cpu")
        model.max_seq_length = length
        shutil.rmtree(folder)
        model.save_pretrained(str(folder))

    return save


BASES: dict[str, tuple[str, list[Edit]]] = {
    "sentence-transformers 3": ("uncased", [config(max_seq_length=20, do_lower_case=False), prompts(query="query: ")]),
    "sentence-transformers 5": (
        "uncased",
        [config(max_seq_length=20, do_lower_case=False), prompts(query="query: ", document="passage: ")],
    ),
    "sentence-transformers 6, saved by it": ("uncased", [saved(12)]),
    "sentence-transformers 6, at full length": ("uncased", [saved(64)]),
    "length in the tokenizer alone": ("uncased", [of_tokenizer(model_max_length=15)]),
    "length in the tokenizer by its old name": ("uncased", [of_tokenizer(model_max_length=None, max_len=15)]),
    "no length anywhere": ("uncased", [of_tokenizer(model_max_length=10**30)]),
    "an empty configuration falls through": ("uncased", [config(), config("sentence_roberta_config.json", max_seq_length=11)]),
    "sentence_distilbert_config": ("uncased", [config("sentence_distilbert_config.json", max_seq_length=11)]),
    "sentence_xlnet_config": ("uncased", [config("sentence_xlnet_config.json", max_seq_length=11, do_lower_case=True)]),
    "the first of two configurations": ("uncased", [config(max_seq_length=9), config("sentence_roberta_config.json", max_seq_length=30)]),
    "no length in the configuration": ("uncased", [config(max_seq_length=None, do_lower_case=False), of_tokenizer(model_max_length=15)]),
    "processor_kwargs override": ("uncased", [config(max_seq_length=40, processor_kwargs={"model_max_length": 10})]),
    "tokenizer_args override": ("uncased", [config(max_seq_length=40, tokenizer_args={"model_max_length": 10, "truncation_side": "left"})]),
    "tokenizer_args before processor_kwargs": (
        "uncased",
        [config(tokenizer_args={"model_max_length": 10}, processor_kwargs={"model_max_length": 20})],
    ),
    "processing_kwargs": ("uncased", [config(max_seq_length=40, query_length=9, processing_kwargs={"text": {"max_length": 14}})]),
    "truncation side of the tokenizer": ("uncased", [of_tokenizer(truncation_side="left", model_max_length=12)]),
    "truncation side in tokenizer.json": (
        "uncased",
        [
            of_tokenizer(model_max_length=12),
            lambda folder: update(
                folder / "tokenizer.json", truncation={"direction": "Left", "max_length": 8, "strategy": "LongestFirst", "stride": 0}
            ),
        ],
    ),
    "lengths by role": ("uncased", [config(max_seq_length=20, query_length=8, document_length=30), prompts(query="query: ")]),
    "a length by role alone": ("uncased", [config(query_length=8)]),
    "lower case by the configuration": ("cased", [config(max_seq_length=20, do_lower_case=True)]),
    "cased": ("cased", [config(max_seq_length=20)]),
    "left padding": ("uncased", [of_tokenizer(padding_side="left")]),
    "prompts of E5": ("uncased", [prompts(query="query: ", document="passage: ")]),
    "pooling in another folder": (
        "uncased",
        [
            lambda folder: (folder / "1_Pooling").rename(folder / "pooling_of_mine"),
            lambda folder: write(
                folder / "modules.json", json.loads((folder / "modules.json").read_text().replace("1_Pooling", "pooling_of_mine"))
            ),
        ],
    ),
    "roberta": ("roberta", [config(max_seq_length=30, do_lower_case=False)]),
    "roberta, lower-cased": ("roberta", [config(max_seq_length=30, do_lower_case=True)]),
    "roberta, cut at its positions": ("roberta", [config(max_seq_length=64)]),
}


@pytest.mark.parametrize("layout", BASES)
def test_a_base_gives_the_vectors_of_sentence_transformers(layout: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    name, edits = BASES[layout]
    folder = tmp_path / "base"
    shutil.copytree(request.getfixturevalue(name), folder)
    for edit in edits:
        edit(folder)
    for role in ("query", "document"):
        assert agree(of_adapt(folder, role), of_sentence_transformers(folder, role)), role


def lora_over(base: Path, folder: Path, *, sentence: bool, edits: Sequence[Edit] = ()) -> Path:
    """Write a LoRA on a base, as sentence-transformers saves it or as peft does."""
    from peft import LoraConfig, get_peft_model
    from sentence_transformers import SentenceTransformer
    from transformers import AutoModel

    settings = LoraConfig(r=4, lora_alpha=8, target_modules=["query", "value"], task_type="FEATURE_EXTRACTION")
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = SentenceTransformer(str(base), device="cpu") if sentence else None
        if model is not None:
            model.add_adapter(settings)
        network = model if model is not None else get_peft_model(AutoModel.from_pretrained(base), settings)
        for key, parameter in network.named_parameters():
            if "lora_" in key:
                parameter.data.normal_(0, 0.3)
    network.save_pretrained(str(folder))
    update(folder / "adapter_config.json", base_model_name_or_path=str(base))
    for edit in edits:
        edit(folder)
    return folder


ADAPTERS: dict[str, tuple[str, list[Edit]]] = {
    "saved by sentence-transformers": ("uncased", []),
    "prompts of E5": ("uncased", [prompts(query="query: ", document="passage: ")]),
    "its own length": ("uncased", [config(max_seq_length=10)]),
    "its own length in the tokenizer": ("uncased", [of_tokenizer(model_max_length=10)]),
    "its own truncation side": ("uncased", [of_tokenizer(truncation_side="left", model_max_length=12)]),
    "its own tokenizer": ("uncased", [lambda folder: word_pieces(folder, lowercase=False)]),
    "lengths by role": ("uncased", [config(query_length=8, document_length=20)]),
    "lower case": ("cased", [config(do_lower_case=True)]),
    "left padding": ("uncased", [of_tokenizer(padding_side="left")]),
    "roberta": ("roberta", [config(max_seq_length=20)]),
}


@pytest.mark.parametrize("layout", ADAPTERS)
def test_an_adapter_its_registered_copy_and_a_merge_give_the_vectors_of_sentence_transformers(
    layout: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    name, edits = ADAPTERS[layout]
    base = request.getfixturevalue(name)
    folder = lora_over(base, tmp_path / "adapter", sentence=True, edits=edits)
    registry = open_registry(None)
    add_folder(registry, folder, name="own", domain=None, base_reference=None, options=BaseOptions())
    for role in ("query", "document"):
        theirs = of_sentence_transformers(folder, role)
        assert agree(encode(str(folder), registry, role), theirs), role
        assert agree(encode("own", registry, role), theirs), role
        assert agree(of_sentence_transformers(registry.folder(registry.find("own")), role), theirs), role
    merged = merge_alone(folder)
    for role in ("query", "document"):
        theirs = of_sentence_transformers(folder, role)
        assert agree(encode(merged, registry, role), theirs), role
        assert agree(of_sentence_transformers(registry.folder(registry.find(merged)), role), theirs), role


def merge_alone(folder: Path) -> str:
    """Merge one adapter with weight 1 by the command, and return the name."""
    done = CliRunner().invoke(main, ["merge", str(folder), "--weights", "1", "--rank", "full", "--name", "merged"])
    assert done.exit_code == 0, done.output
    return "merged"


def encode(reference: str, registry: Registry, role: str, base: str | None = None) -> np.ndarray:
    found = resolve_reference(reference, Search(registry=registry, base=base))
    return open_encoder(found, LoadedBases(EncoderSettings(precision="fp32"))).encode(TEXTS, role).vectors  # type: ignore[arg-type]


def test_a_peft_folder_takes_what_its_base_says_and_its_registered_copy_says_it_to_sentence_transformers(
    cased: Path, tmp_path: Path
) -> None:
    base = tmp_path / "base"
    shutil.copytree(cased, base)
    config(max_seq_length=9, do_lower_case=True, query_length=7)(base)
    prompts(query="query: ", document="passage: ")(base)
    folder, registry = lora_over(base, tmp_path / "bare", sentence=False), open_registry(None)
    add_folder(registry, folder, name="bare", domain=None, base_reference=None, options=BaseOptions())
    for role in ("query", "document"):
        ours = encode(str(folder), registry, role)
        assert agree(encode("bare", registry, role), ours)
        assert agree(of_sentence_transformers(registry.folder(registry.find("bare")), role), ours)
    merged = merge_alone(folder)
    for role in ("query", "document"):
        assert agree(of_sentence_transformers(registry.folder(registry.find(merged)), role), encode(str(folder), registry, role))


def test_a_merge_of_adapters_that_read_texts_in_other_ways_says_so(uncased: Path, tmp_path: Path) -> None:
    one = lora_over(uncased, tmp_path / "one", sentence=True, edits=[config(max_seq_length=12)])
    two = lora_over(uncased, tmp_path / "two", sentence=True, edits=[config(max_seq_length=30)])
    done = CliRunner().invoke(main, ["merge", str(one), str(two), "--name", "both"])
    assert done.exit_code == 0, done.output
    assert "reads at most 12, and so will the merge" in done.stderr
    assert "two reads at most 30" in done.stderr


def test_a_copy_of_the_base_that_states_nothing_gives_a_version_the_same_vectors(uncased: Path, tmp_path: Path) -> None:
    folder = lora_over(
        uncased, tmp_path / "adapter", sentence=True, edits=[prompts(query="query: ", document="passage: "), config(max_seq_length=9)]
    )
    silent, registry = tmp_path / "silent", open_registry(None)
    shutil.copytree(uncased, silent)
    shutil.rmtree(silent / "1_Pooling")
    add_folder(registry, folder, name="own", domain=None, base_reference=None, options=BaseOptions())
    for reference in ("own", str(folder)):
        for role in ("query", "document"):
            assert agree(encode(reference, registry, role, base=str(silent)), encode(reference, registry, role))


def test_an_ensemble_keeps_both_prompts_and_the_lengths_of_its_members(uncased: Path, tmp_path: Path) -> None:
    edits = [prompts(query="query: ", document="passage: "), config(max_seq_length=30, query_length=9)]
    silent, registry = tmp_path / "silent", open_registry(None)
    shutil.copytree(uncased, silent)
    shutil.rmtree(silent / "1_Pooling")
    for name in ("one", "two"):
        folder = lora_over(uncased, tmp_path / name, sentence=True, edits=edits)
        add_folder(registry, folder, name=name, domain=None, base_reference=None, options=BaseOptions())
    found = [resolve_reference(name, Search(registry=registry)) for name in ("one", "two")]
    register_ensemble(registry, make_recipe([as_member(each, registry) for each in found], mode="mean"), "both")
    for role in ("query", "document"):
        alone = encode("one", registry, role)  # the two are the same, and so is their mean
        assert agree(encode("both", registry, role), alone)
        assert agree(encode("both", registry, role, base=str(silent)), alone)


def test_left_padding_gives_a_text_the_vector_that_it_has_alone(uncased: Path, tmp_path: Path) -> None:
    folder = tmp_path / "left"
    shutil.copytree(uncased, folder)
    of_tokenizer(padding_side="left")(folder)
    encoder = LoraEncoder(load_base(resolve_base(str(folder))), precision="fp32")
    together = encoder.encode(TEXTS).vectors
    assert agree(together, np.concatenate([encoder.encode([text]).vectors for text in TEXTS]))


def test_two_layouts_of_one_tokenizer_share_the_network(uncased: Path, tmp_path: Path) -> None:
    registry, bases = open_registry(None), LoadedBases()
    for name in ("one", "two"):
        folder = lora_over(uncased, tmp_path / name, sentence=True)
        add_folder(registry, folder, name=name, domain=None, base_reference=None, options=BaseOptions())
    for reference in ("one", "two"):
        open_encoder(resolve_reference(reference, Search(registry=registry)), bases)
    assert len(bases.bases) == 1


@pytest.mark.parametrize(
    "edit, message",
    [
        (config(max_seq_length="128"), "maximum length is '128'; expected a whole number"),
        (config(max_seq_length=2), "3 or more"),
        (config(query_length=1.5), "query_length is 1.5"),
        (config(do_lower_case="yes"), "do_lower_case is 'yes'"),
        (config(processor_kwargs=[1]), "processor_kwargs must be an object"),
        (config(query_expansion={"strategy": "fixed", "length": 32}), "sets query_expansion"),
        (config(transformer_task="fill-mask"), "sets transformer_task"),
        (config(config_kwargs={"hidden_act": "relu"}), "sets config_kwargs.hidden_act"),
        (config(model_args={"attention_probs_dropout_prob": 0.5}), "sets model_kwargs.attention_probs_dropout_prob"),
        (config(tokenizer_name_or_path="elsewhere"), "sets tokenizer_name_or_path"),
        (config(processing_kwargs={"text": {"add_special_tokens": False}}), "processing_kwargs.add_special_tokens"),
        (prompts(query=3), "prompts must be an object of texts"),  # type: ignore[arg-type]
        (of_tokenizer(model_max_length=-1), "model_max_length is -1"),
    ],
)
def test_what_does_not_fit_or_is_not_applied_is_refused_in_a_line(uncased: Path, tmp_path: Path, edit: Edit, message: str) -> None:
    folder = tmp_path / "odd"
    shutil.copytree(uncased, folder)
    edit(folder)
    with pytest.raises(BaseError, match=message) as error:
        load_base(resolve_base(str(folder)))
    assert "\n" not in str(error.value)


_PLAIN = "bert distilbert electra albert deberta deberta-v2 ernie megatron-bert big_bird modernbert bert-generation"
_AFTER_PADDING = "roberta xlm-roberta xlm-roberta-xl camembert mpnet longformer data2vec-text roberta-prelayernorm luke ibert esm markuplm"
KINDS: dict[str, dict[str, object]] = {
    **{kind: {} for kind in _PLAIN.split()},
    **{kind: {"pad_token_id": 1} for kind in _AFTER_PADDING.split()},
    "xmod": {"pad_token_id": 1, "default_language": "en_XX"},
    "lilt": {"pad_token_id": 1, "hidden_size": 48},
}
"""Kinds of network -> their settings: all that transformers has for text and that run on token ids and a mask."""


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_longer_than_the_positions_is_cut_and_an_alone_text_is_as_in_a_batch(kind: str, uncased: Path, tmp_path: Path) -> None:
    folder = tmp_path / "base"
    folder.mkdir()
    settings = {"num_attention_heads": 4, "attention_window": 8} if kind == "longformer" else {}
    network(folder, kind, **{"max_position_embeddings": 40} | settings | KINDS[kind])
    word_pieces(folder, lowercase=True)
    vocabulary = json.loads((folder / "tokenizer.json").read_text())
    if KINDS[kind].get("pad_token_id") == 1:  # the padding token's id is the network's
        swapped = vocabulary["model"]["vocab"] | {"[PAD]": 1, "[UNK]": 0}
        vocabulary["model"]["vocab"] = swapped
        vocabulary["added_tokens"] = []
        write(folder / "tokenizer.json", vocabulary)
    sentence_files(folder)
    config(max_seq_length=512)(folder)
    update(
        folder / "1_Pooling" / "config.json",
        word_embedding_dimension=json.loads((folder / "config.json").read_text()).get("hidden_size", 32),
    )
    base = load_base(resolve_base(str(folder)))
    encoder = LoraEncoder(base, precision="fp32")
    encoded = encoder.encode([*TEXTS, "the tenant pays the rent " * 400])
    together = encoded.vectors
    assert np.isfinite(together).all()
    assert agree(together[:3], np.concatenate([encoder.encode([text]).vectors for text in TEXTS[:3]]))
    longest = base.encoding.max_tokens
    assert longest == min(512, read_positions(json.loads((folder / "config.json").read_text())), count_positions(base.model))
    assert encoded.truncated >= 1 or longest == 512


@pytest.mark.parametrize(
    "kind, settings, message",
    [
        ("bart", {"d_model": 32, "encoder_layers": 1, "decoder_layers": 1}, "states no hidden_size; a base is an encoder"),
        (
            "t5",
            {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 1, "num_heads": 4},
            "states no hidden_size|is a t5, an encoder with a decoder",
        ),
        ("bros", {}, "is a bros, which does not run on token ids and a mask alone .*bbox"),
        ("xmod", {"pad_token_id": 1}, "is a xmod, which does not run .*language"),
        ("fnet", {}, "is a fnet, whose vectors depend on the padding"),
        ("convbert", {}, "is a convbert, whose vectors depend on the padding"),
    ],
)
def test_a_network_that_needs_more_than_token_ids_is_refused_by_name(kind: str, settings: dict, message: str, tmp_path: Path) -> None:
    folder = tmp_path / "base"
    folder.mkdir()
    network(folder, kind, **settings)
    word_pieces(folder, lowercase=True)
    sentence_files(folder)
    with pytest.raises(BaseError, match=message) as error:
        load_base(resolve_base(str(folder)))
    assert "\n" not in str(error.value)


CODE = "open({ran!r}, 'w').write('x')\nfrom transformers import BertConfig, BertModel\n"


@pytest.mark.parametrize("kind", ["mine", "bert"])
@pytest.mark.parametrize("where", ["config.json", "tokenizer_config.json"])
def test_no_code_of_a_folder_runs_and_nothing_is_asked(
    kind: str, where: str, uncased: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, ran = tmp_path / "base", tmp_path / "RAN"
    shutil.copytree(uncased, folder)
    code = {"AutoConfig": "c.C", "AutoModel": "c.M"} if where == "config.json" else {"AutoTokenizer": ["c.T", "c.T"]}
    update(folder / where, auto_map=code)
    update(folder / "config.json", model_type=kind)
    (folder / "c.py").write_text(CODE.format(ran=str(ran)))
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("it asked"))
    if kind == "bert":
        load_base(resolve_base(str(folder)))  # transformers has this kind itself, and the weights are all its own
    else:
        with pytest.raises(BaseError) as error:
            load_base(resolve_base(str(folder)))
        assert "\n" not in str(error.value)
    assert not ran.exists()
    assert capfd.readouterr().out == ""


def test_weights_that_only_code_of_the_folder_can_read_are_refused(uncased: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "base"
    shutil.copytree(uncased, folder)
    update(folder / "config.json", auto_map={"AutoModel": "mine.Mine"})
    weights = load_file(folder / "model.safetensors")
    save_file(weights | {"encoder.layer.0.gate.weight": torch.ones(2, 2)}, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BaseError, match=r"needs code of its own \(mine.Mine"):
        load_base(resolve_base(str(folder)))


@pytest.mark.shared
def test_the_real_base_saved_at_128_tokens_by_sentence_transformers_is_read_at_128_tokens(shared: Path, tmp_path: Path) -> None:
    from adapt_embed.base.sentence_files import write_sentence_files

    folder = tmp_path / "bge"
    shutil.copytree(shared / "bases" / "bge-small-en-v1.5", folder)
    write_sentence_files(load_base(resolve_base(str(folder))), folder)
    saved(128)(folder)
    found = resolve_base(str(folder))
    assert (found.encoding.max_tokens, found.encoding.pooling) == (128, "cls")
    for role in ("query", "document"):
        ours = LoraEncoder(load_base(found), precision="fp32").encode([TEXTS[1], TEXTS[2] * 8], role).vectors  # type: ignore[arg-type]
        assert agree(ours, of_sentence_transformers(folder, role, [TEXTS[1], TEXTS[2] * 8]))
