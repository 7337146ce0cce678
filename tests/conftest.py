"""What every test shares: a tiny base, the real ones where they lie at hand, and no way to the user's files or the Hub."""

import importlib.util
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

UNREACHABLE = "http://127.0.0.1:9"
# The tests' matrices are tiny: several threads would only wait for one another (ten times slower on busy cores).
os.environ.setdefault("OMP_NUM_THREADS", "1")
# A shell that starts the tests in the background has them ignore Ctrl-C, which some of them send.
signal.signal(signal.SIGINT, signal.default_int_handler)
# The Hub client reads these once, when it is imported; they stand before any test module imports it.
os.environ.update(HF_ENDPOINT=UNREACHABLE, HF_HUB_DISABLE_TELEMETRY="1", HF_HUB_DISABLE_PROGRESS_BARS="1", TOKENIZERS_PARALLELISM="false")

os.environ["ADAPT_SHIPPED"] = "0"  # nothing ships in a test that does not ask for it (test_shipped.py), nor in the fixtures of a module
os.environ.pop("COLUMNS", None)  # a test in one of several processes prints as wide as any other

TESTS = Path(__file__).parent
TINY_PROMPT = "find: "
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def beside(name: str):
    """A module of this folder, which is not a package."""
    spec = importlib.util.spec_from_file_location(f"adapt_tests_{name}", TESTS / f"{name}.py")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


hub_server = beside("hub_server")


@pytest.fixture(autouse=True)
def isolation(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give each test its own home, caches and Hub cache, no ADAPT_BASES, and a Hub that refuses at once."""
    from adapt_embed.hub import reach
    from huggingface_hub import constants

    home = tmp_path_factory.mktemp("isolated")
    for name in ("ADAPT_BASES", "ADAPT_DEBUG", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "ADAPT_HOME": home / "adapt",
        "ADAPT_CACHE": home / "adapt-cache",
        "HF_HOME": home / "hf",
        "HF_HUB_CACHE": home / "hf" / "hub",
        "HF_DATASETS_CACHE": home / "hf" / "datasets",
        "HF_ENDPOINT": UNREACHABLE,
    }.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "hf" / "hub"))
    monkeypatch.setattr(constants, "HF_HOME", str(home / "hf"))
    monkeypatch.setattr(constants, "ENDPOINT", UNREACHABLE)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    reach.hub_is_reachable.cache_clear()
    yield home
    reach.hub_is_reachable.cache_clear()


@pytest.fixture
def hub(isolation: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[hub_server.HubServer]:
    """A Hub of the test's own, to which the real client goes, in this process and in those that it starts.

    The token is `hub_server.TOKEN`, the user `me`, HF_HOME that of `isolation`. The client reads the environment once, when
    it is imported, so that what it made of it is set as well: `constants.ENDPOINT`, the template of its addresses, and the
    address that the functions of the module (`huggingface_hub.model_info`) keep. Xet is off: the server has no such store.
    """
    from adapt_embed.hub import reach
    from huggingface_hub import close_session, constants, hf_api

    server = hub_server.HubServer()
    for name, value in {"HF_ENDPOINT": server.endpoint, "HF_TOKEN": hub_server.TOKEN, "HF_HUB_DISABLE_XET": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(constants, "ENDPOINT", server.endpoint)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.endpoint + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(isolation / "hf" / "token"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(hf_api.api, "endpoint", server.endpoint)
    reach.hub_is_reachable.cache_clear()
    close_session()
    forget_endpoint()
    yield server
    close_session()
    forget_endpoint()
    server.close()


def forget_endpoint() -> None:
    """Have transformers make its client anew, which keeps the address of the first Hub that it asked."""
    if (module := sys.modules.get("transformers.utils.hub")) is not None:
        module._hf_api = None


@pytest.fixture
def second_hub() -> Iterator[hub_server.HubServer]:
    """Another host, which must never see a token."""
    server = hub_server.HubServer()
    yield server
    server.close()


@pytest.fixture
def tiny_on_hub(hub: hub_server.HubServer, tiny_base: Path) -> str:
    """The id under which the tiny base lies on the Hub."""
    return hub.put("me/tiny-base", tiny_base).id


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a BERT of 2 layers and width 32, its tokenizer, CLS pooling and a query prompt. Copy it before changing it."""
    return build_tiny_base(tmp_path_factory.mktemp("bases") / "tiny-base", seed=0)


@pytest.fixture(scope="session")
def second_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base of the same shape with other weights."""
    return build_tiny_base(tmp_path_factory.mktemp("bases") / "second-base", seed=1)


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every text that goes through a network from now on, in order."""
    from adapt_embed.encoders import LoraEncoder

    seen: list[str] = []
    original = LoraEncoder.encode

    def spy(self: LoraEncoder, texts: Sequence[str], *rest: object, **options: object) -> object:
        seen.extend(texts)
        return original(self, texts, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(LoraEncoder, "encode", spy)
    return seen


@pytest.fixture
def loaded_tiny_base(tiny_base: Path):
    """The tiny base, loaded."""
    from adapt_embed.base import load_base, resolve_base

    return load_base(resolve_base(str(tiny_base)))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium: the one that ADAPT_CHROMIUM names, or one on the path."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install 'adapt-embed[dev]'")
    path = os.environ.get("ADAPT_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"needs Chromium: none of {', '.join(BROWSERS)} is on the path (or name it in ADAPT_CHROMIUM)")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield started
        started.close()


@pytest.fixture
def shared() -> Path:
    """The folder with real bases and data; the test is skipped where it is not."""
    folder = Path(os.environ.get("ADAPT_SHARED") or TESTS.parent.parent / "shared").resolve()
    if not (folder / "bases").is_dir():
        pytest.skip(f"needs real bases and data: {folder} is not there (name their folder in ADAPT_SHARED)")
    return folder


@pytest.fixture
def ctrl_c(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Send the process a real SIGINT at a look at dev."""

    def at_look(number: int) -> None:
        from adapt_embed.data.dev_set import DevSet

        score, calls = DevSet.score, []

        def interrupted(self: DevSet, encoder: object) -> float:
            calls.append(1)
            if len(calls) == number:
                os.kill(os.getpid(), signal.SIGINT)
            return score(self, encoder)  # type: ignore[arg-type]

        monkeypatch.setattr(DevSet, "score", interrupted)

    return at_look


def tiny_config(**more: object):
    """Settings of a network of two layers over the tiny tokenizer."""
    from transformers import BertConfig

    return BertConfig(
        vocab_size=len((TESTS / "data" / "tiny_tokenizer" / "vocab.txt").read_text(encoding="utf-8").splitlines()),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=512,
        initializer_range=0.3,  # wide, so that different texts get clearly different vectors without any training
        **more,
    )


def build_tiny_base(folder: Path, *, seed: int) -> Path:
    """Write a tiny base; another seed gives other weights, and so another fingerprint."""
    import torch
    from transformers import BertModel

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = BertModel(tiny_config())
    shutil.copytree(TESTS / "data" / "tiny_tokenizer", folder)
    model.save_pretrained(folder)
    _write(
        folder / "1_Pooling" / "config.json",
        {"word_embedding_dimension": 32, "pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False},
    )
    _write(folder / "sentence_bert_config.json", {"max_seq_length": 512, "do_lower_case": False})
    _write(folder / "config_sentence_transformers.json", {"prompts": {"query": TINY_PROMPT, "document": ""}})
    return folder


def _write(path: Path, content: dict) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


TOPICS = [
    "court",
    "judge",
    "rent",
    "tenant",
    "school",
    "river",
    "army",
    "music",
    "book",
    "king",
    "road",
    "train",
    "bank",
    "ship",
    "doctor",
    "garden",
]
ANSWERS = [
    "law",
    "season",
    "house",
    "market",
    "teacher",
    "water",
    "war",
    "song",
    "story",
    "royal",
    "street",
    "station",
    "money",
    "sea",
    "health",
    "tree",
]
FILLERS = ["often", "again", "today", "little", "great", "many", "never", "always", "later", "early", "small", "long"]


@pytest.fixture(scope="session")
def toy_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BEIR folder: each topic has a word for queries and another for passages, which no model knows before it is trained."""
    return write_toy(tmp_path_factory.mktemp("toy") / "beir")


def write_toy(folder: Path) -> Path:
    """Write the toy set into a new folder."""
    (folder / "qrels").mkdir(parents=True)
    corpus, queries, qrels = [], [], {"train": [], "dev": [], "test": []}
    for topic, (word, answer) in enumerate(zip(TOPICS, ANSWERS, strict=True)):
        for copy in range(2):
            corpus.append(
                {
                    "_id": f"p{topic}-{copy}",
                    "title": "",
                    "text": f"{answer} {FILLERS[(topic + copy) % 12]} {FILLERS[(topic * 5 + copy) % 12]}",
                }
            )
        for number, split in enumerate(["train"] * 4 + ["dev", "test"]):
            queries.append({"_id": f"q{topic}-{number}", "text": f"{word} {FILLERS[(topic + 2 * number) % 12]}"})
            qrels[split] += [f"q{topic}-{number}\tp{topic}-{copy}\t1" for copy in range(2)]
    for name, rows in (("corpus", corpus), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    for split, rows in qrels.items():
        (folder / "qrels" / f"{split}.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *rows]) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def toy_data(toy_folder: Path):
    """The toy folder, loaded: 64 train and 16 dev queries over 32 passages."""
    from adapt_embed.data.domains import load_domain
    from adapt_embed.data.sources import load_training_data

    return load_training_data(str(toy_folder), domain=load_domain("legal"), lang="en", seed=0)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A registry's folder, which is not there yet."""
    return tmp_path / "registry"


@pytest.fixture(scope="session")
def every_kind_once(tmp_path_factory: pytest.TempPathFactory, tiny_base: Path, second_base: Path, toy_data) -> Path:
    """A registry with a version of every kind (`every_kind.py`), which nobody changes."""
    home = tmp_path_factory.mktemp("every-kind") / "registry"
    beside("every_kind").make_every_kind(home, tiny_base, second_base, toy_data)
    return home


@pytest.fixture(scope="session")
def kept():
    """What makes versions of every form in which what was trained is kept (`kept_forms.py`)."""
    return beside("kept_forms")


@pytest.fixture(scope="session")
def serving():
    """What makes adapters to serve, and runs a server in a thread (`serving.py`)."""
    return beside("serving")


@pytest.fixture(scope="session")
def event_logs():
    """The module that makes event logs by hand."""
    return beside("event_logs")


@pytest.fixture
def shelf(every_kind_once: Path, home: Path) -> Path:
    """The same, the test's own."""
    return Path(shutil.copytree(every_kind_once, home))


@pytest.fixture
def train(tiny_base: Path, toy_folder: Path, home: Path):
    """Run `adapt train` on the toy data: 12 steps on the tiny base."""
    from adapt_embed.cli import main
    from click.testing import CliRunner

    settings = ["epochs=3", "batch_size=16", "learning_rate=1e-2", "temperature=0.05", "rank=4", "max_tokens=16"]

    def run(*more: object, data: object = toy_folder):
        given = {"--domain": "legal", "--data": data, "--base": tiny_base, "--dtype": "fp32", "--registry": home}
        options = [part for option in given.items() if option[0] not in more for part in option]
        options += [part for setting in settings for part in ("--set", setting)]
        return CliRunner().invoke(main, [str(part) for part in ("train", *options, *more)])

    return run


@pytest.fixture(scope="session")
def tiny_cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a cross-encoder of 2 layers and width 32, which gives one logit. Copy it before changing it."""
    return _build_cross_encoder(tmp_path_factory.mktemp("rerankers") / "tiny-reranker", 1)


@pytest.fixture
def two_label_cross_encoder(tmp_path: Path) -> Path:
    """One that gives two logits."""
    return _build_cross_encoder(tmp_path / "two-labels", 2)


def _build_cross_encoder(folder: Path, labels: int) -> Path:
    import torch
    from transformers import BertForSequenceClassification

    with torch.random.fork_rng():
        torch.manual_seed(2)
        model = BertForSequenceClassification(tiny_config(num_labels=labels))
    shutil.copytree(TESTS / "data" / "tiny_tokenizer", folder)
    model.save_pretrained(folder)
    return folder
