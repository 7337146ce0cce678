"""The known bases as data. Importing this module loads no torch.

Sources: Hub ids, revisions, dimensions, maximum lengths and the format of the weights are those of
`mteb.get_model_meta(hub_id)` (mteb 2.26.24; tests compare them). Pooling and instructions: the model cards and
https://github.com/FlagOpen/FlagEmbedding. A weights sha256 is given where the file itself was available; where it is
None, a folder is known by its own `1_Pooling` or by `--base-as`.
"""

from dataclasses import dataclass
from typing import Literal

from ..errors import BaseError, unknown_name

Pooling = Literal["cls", "mean"]
Language = Literal["en", "zh", "multilingual"]

BGE_EN_QUERY = "Represent this sentence for searching relevant passages: "
BGE_ZH_QUERY = "为这个句子生成表示以用于检索相关文章："


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownBase:
    """What is known of a base before a byte of it is read.

    `dimension` is the width of its vectors, `max_tokens` the longest input it was trained for, `sha256` that of its
    `model.safetensors` at `revision`, or None where the file was not available. Where `has_safetensors` is False, the weights at
    `revision` are a `pytorch_model.bin` alone.
    """

    alias: str
    hub_id: str
    revision: str
    sha256: str | None
    pooling: Pooling
    query_prompt: str
    dimension: int
    max_tokens: int
    language: Language
    has_safetensors: bool = True


def _bge(
    size: str, language: Literal["en", "zh"], dimension: int, revision: str, sha256: str | None = None, *, has_safetensors: bool = True
) -> KnownBase:
    return KnownBase(
        alias=f"bge-{size}-{language}",
        hub_id=f"BAAI/bge-{size}-{language}-v1.5",
        revision=revision,
        sha256=sha256,
        pooling="cls",
        query_prompt=BGE_EN_QUERY if language == "en" else BGE_ZH_QUERY,
        dimension=dimension,
        max_tokens=512,
        language=language,
        has_safetensors=has_safetensors,
    )


_ALL = (
    _bge(
        "small",
        "en",
        384,
        "5c38ec7c405ec4b44b94cc5a9bb96e735b38267a",
        "3c9f31665447c8911517620762200d2245a2518d6e7208acc78cd9db317e21ad",
    ),
    _bge("base", "en", 768, "a5beb1e3e68b9ab74eb54cfd186867f64f240e1a"),
    _bge("large", "en", 1024, "d4aa6901d3a41ba39fb536a557fa166f842b0e09"),
    _bge("small", "zh", 512, "7999e1d3359715c523056ef9478215996d62a620"),
    _bge("base", "zh", 768, "f03589ceff5aac7111bd60cfc7d497ca17ecac65", has_safetensors=False),
    _bge("large", "zh", 1024, "79e7739b6ab944e86d6171e44d24c997fc1e0116", has_safetensors=False),
    KnownBase(
        alias="bge-m3",
        hub_id="BAAI/bge-m3",
        revision="5617a9f61b028005a4858fdac845db406aefb181",
        sha256=None,
        pooling="cls",
        query_prompt="",
        dimension=1024,
        max_tokens=8192,
        language="multilingual",
        has_safetensors=False,
    ),
    KnownBase(
        alias="minilm",
        hub_id="sentence-transformers/all-MiniLM-L6-v2",
        revision="8b3219a92973c328a8e22fadcfa821b5dc75636a",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        pooling="mean",
        query_prompt="",
        dimension=384,
        max_tokens=256,
        language="en",
    ),
)

KNOWN_BASES: dict[str, KnownBase] = {known.alias: known for known in _ALL}
DEFAULT_ALIAS: dict[str, str] = {"en": "bge-small-en", "zh": "bge-small-zh"}
EMBEDDED_ALIAS = "minilm"


def known_base(alias: str) -> KnownBase:
    """Return the known base called `alias`.

    Raises:
        BaseError: no base has that alias; the message lists those that exist.
    """
    try:
        return KNOWN_BASES[alias]
    except KeyError:
        raise BaseError(unknown_name("base alias", alias, tuple(KNOWN_BASES))) from None


def find_known(*, hub_id: str | None = None, sha256: str | None = None) -> KnownBase | None:
    """Return the known base with this Hub id, or with these weights, or None."""
    for known in _ALL:
        if (hub_id is not None and known.hub_id.lower() == hub_id.lower()) or (sha256 is not None and known.sha256 == sha256):
            return known
    return None


def known_of_name(name: str) -> KnownBase | None:
    """Return the known base that a folder's name says it is (an alias, or a Hub id's last part), or None."""
    return next((known for known in _ALL if name.casefold() in (known.alias, known.hub_id.split("/")[-1].casefold())), None)
