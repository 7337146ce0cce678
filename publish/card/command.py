"""The command that makes a version again, as far as its entry says: names stand where its data lay."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ...data.in_memory import IN_MEMORY
from ...registry import Entry

if TYPE_CHECKING:
    from ...adapters.settings.setting import Settings

_JOINT = " + "  # between the sources of one run
_OF_ITS_OWN = ("seed", "side")
"""Settings that an option of their own says."""
_KINDS: dict[str, Callable[[Entry, str | None], Iterator[str]]]


def command_of(entry: Entry, base_id: str | None) -> str | None:
    """Return the command; None of what was made in another way, such as by a program from data in memory.

    Args:
        entry: The version, without paths of the machine.
        base_id: What its base is called on the Hub; None where it has no name there.
    """
    make = _KINDS.get(entry.kind)
    if make is None or entry.method is None or (entry.data is not None and entry.data.source == IN_MEMORY):
        return None
    return shlex.join(make(entry, base_id))


def _train(entry: Entry, base_id: str | None) -> Iterator[str]:
    if "objective" in entry.config:
        yield from _pretrain(entry, base_id)
        return
    yield from ("adapt", "train", "--domain", entry.domain or entry.name, "--name", entry.name)
    if entry.data is not None:
        for word in dict.fromkeys(map(_data_word, entry.data.source.split(_JOINT))):
            yield from ("--data", word)
    yield from ("--base", base_id or entry.bases[0].label)
    if entry.data is not None and entry.data.language in ("en", "zh"):
        yield from ("--lang", entry.data.language)
    if entry.side != "both":
        yield from ("--side", entry.side)
    if entry.data is not None and entry.data.drawn is not None:
        yield from ("--train-queries", str(entry.data.drawn))
    if entry.data is not None and entry.data.grams and (rank := entry.data.grams.get("rank")) is not None:
        yield from ("--gram", rank) if rank == "full" else ("--gram-rank", str(rank))
    if entry.seed is not None:
        yield from ("--seed", str(entry.seed))
    for name, value in changed_settings(entry).items():
        yield from ("--set", f"{name}={','.join(map(str, value)) if isinstance(value, list) else value}")


def _pretrain(entry: Entry, base_id: str | None) -> Iterator[str]:
    from ...adapters.pretraining.config import PretrainConfig

    yield from ("adapt", "pretrain", "--domain", entry.domain or entry.name, "--name", entry.name)
    for source in entry.data.source.split(_JOINT) if entry.data is not None else ():
        word = _data_word(source)
        yield from ("--data" if word != source or source.startswith(("hf:", "mteb:")) else "--corpus", word)
    if "glossary" in entry.config:
        yield from ("--glossary", str(entry.config["glossary"]))
    yield from ("--base", base_id or entry.bases[0].label)
    if entry.seed is not None:
        yield from ("--seed", str(entry.seed))
    for name, value in changed_settings(entry, PretrainConfig).items():
        yield from ("--set", f"{name}={','.join(map(str, value)) if isinstance(value, list) else value}")


def _data_word(source: str) -> str:
    """Return what `--data` is called with for a recorded source."""
    return next((word for word in ("sample", "hub") if source.startswith(f"{word}:")), source)


def changed_settings(entry: Entry, kind: type[Settings] | None = None) -> dict[str, object]:
    """Return the recorded settings that are not this version's defaults, by name; `kind`: of what, None: of training."""
    from ...adapters.config import TrainConfig
    from ...adapters.settings.setting import describe_settings

    known = describe_settings(kind or TrainConfig)
    recorded = {name: value for name, value in entry.config.items() if name in known and name not in _OF_ITS_OWN}
    return {name: value for name, value in recorded.items() if value is not None and value != _plain(known[name].default)}


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _merge(entry: Entry, _base_id: str | None) -> Iterator[str]:
    from ...merge.methods import MethodSettings

    yield from ("adapt", "merge", *(parent.reference for parent in entry.parents), "--method", str(entry.method))
    yield from _weights(entry)
    config = entry.config
    if config.get("rank") is not None:
        yield from ("--rank", str(config["rank"]))
    if config.get("with_base", 1.0) != 1.0:
        yield from ("--with-base", f"{config['with_base']:g}")
    for name in MethodSettings.__dataclass_fields__:
        if name in config and config[name] is not None:
            yield from (f"--{name}", str(config[name]))
    yield from ("--store", str(config.get("store", "fp16")), "--name", entry.name)


def _ensemble(entry: Entry, _base_id: str | None) -> Iterator[str]:
    yield from ("adapt", "ensemble", *(parent.reference for parent in entry.parents), "--mode", str(entry.method))
    yield from _weights(entry)
    if (dim := (entry.config.get("pca") or {}).get("dim")) is not None:
        yield from ("--pca", "TEXTFILE", "--dim", str(dim))
    yield from ("--name", entry.name)


def _weights(entry: Entry) -> Iterator[str]:
    weights = [parent.weight for parent in entry.parents]
    if None not in weights and len(set(weights)) > 1:  # equal ones are the default
        yield from ("--weights", ",".join(map(str, weights)))


_KINDS = {"adapter": _train, "model": _train, "merge": _merge, "ensemble": _ensemble}
