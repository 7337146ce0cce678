"""What the user calls a cross-encoder -> one that scores, with what it has scored before: a folder, or a Hub id out of the cache or from the Hub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import BaseError, HubError
from ..hub.reach import hub_is_reachable, hub_silence
from ..hub.snapshots import cached_snapshot, fetch_snapshot
from .open import EncoderSettings

if TYPE_CHECKING:
    from ..cache.pair_scores import CachedCrossEncoder

_FILES = ["*.json", "*.txt", "*.model", "model*.safetensors"]


def find_cross_encoder(text: str) -> Path:
    """Return the folder of a cross-encoder; nothing is loaded.

    Args:
        text: A folder, or a Hub id OWNER/NAME, which is looked for in the Hugging Face cache before the Hub is asked.

    Raises:
        BaseError: it is not there, or the Hub cannot be reached or refuses.
    """
    folder = Path(text).expanduser()
    if folder.is_dir():
        return _checked(folder)
    if text.count("/") != 1 or text.startswith((".", "/", "~")):
        raise BaseError(
            f"there is no cross-encoder {text!r}; expected a folder that exists, or a Hub id OWNER/NAME such as BAAI/bge-reranker-base"
        )
    cached = cached_snapshot(text, patterns=_FILES)
    if cached is not None and (cached / "config.json").is_file() and list(cached.glob("model*.safetensors")):
        return _checked(cached)
    if not hub_is_reachable():
        raise BaseError(
            f"the cross-encoder {text} is not in the Hugging Face cache, and {hub_silence()}; copy its folder here and give its path"
        )
    try:
        return _checked(fetch_snapshot(text, patterns=_FILES))
    except HubError as e:
        raise BaseError(str(e)) from e


def open_cross_encoder(text: str, settings: EncoderSettings) -> CachedCrossEncoder:
    """Load a cross-encoder, with the scores that are kept of it.

    Args:
        text: As `find_cross_encoder` takes it.
        settings: Device, precision and batches; the length is that of a query and a passage together.

    Raises:
        BaseError: it is not there, or is not a cross-encoder with one logit.
        ConfigError: the device is not here.
    """
    folder = find_cross_encoder(text)
    from ..cache import open_cache_files
    from ..cache.pair_scores import CachedCrossEncoder
    from ..encoders.cross_encoder import load_cross_encoder

    network = load_cross_encoder(
        folder,
        name=Path(text).name if Path(text).expanduser().is_dir() else text,
        device=settings.device,
        precision=settings.precision,
        max_tokens=settings.max_tokens,
        batch_tokens=settings.batch_tokens,
    )
    return CachedCrossEncoder(network, open_cache_files())


def _checked(folder: Path) -> Path:
    if not (folder / "config.json").is_file() or not list(folder.glob("model*.safetensors")):
        raise BaseError(f"{folder} is not a cross-encoder's folder; expected config.json, a tokenizer and model.safetensors in it")
    return folder
