"""Which files of a repository are fetched, and why a repository is not taken: by the list of its files alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...ensemble import RECIPE
from ...errors import AdapterError
from ...hub.tree import HubFile
from ...names import fold
from ...plurals import count, format_size
from ..folder import CONFIG, ENTRY, OF_A_MODEL, is_a_model, is_of_a_version

KINDS = (".safetensors", ".json", ".txt", ".md")
WEIGHTS, CARD = "adapter_model.safetensors", "README.md"
MOST_BYTES = 4 << 30
"""Of everything; an adapter with its tokenizer has some 20 MB, Gram matrices of a large base a few hundred."""
MOST_TEXT_BYTES = 64 << 20
"""Of a file that is read whole; a tokenizer for many languages has 17 MB."""
MOST_RECORD_BYTES = 4 << 20
"""Of a record, which becomes a part of the registry's index; a long one has some 100 kB."""
_PICKLED = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt")
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Choice:
    """The files that are fetched, and the paths of the others."""

    wanted: tuple[HubFile, ...]
    others: tuple[str, ...]

    @property
    def note(self) -> str | None:
        """What is said of the others; None where there are none."""
        if not self.others:
            return None
        more = len(self.others) - _SHOWN
        shown = ", ".join(self.others[:_SHOWN]) + (f" and {count(more, 'other')}" if more > 0 else "")
        return f"not taken, as only the safetensors, json, txt and md files of an adapter are: {shown}"


def choose_files(repo: str, files: Sequence[HubFile]) -> Choice:
    """Choose the files of a version, and refuse a repository that holds none.

    Raises:
        AdapterError: it is not an adapter, its weights are pickled alone, or it is too large.
    """
    names = {file.path for file in files}
    _check_kind(repo, names)
    model = OF_A_MODEL if is_a_model(names) else ()
    wanted = tuple(file for file in files if file.path.endswith(KINDS) and (is_of_a_version(file.path) or file.path in (CARD, *model)))
    _check_sizes(repo, wanted)
    taken = {file.path for file in wanted}
    if len({fold(path) for path in taken}) < len(taken):
        raise AdapterError(f"{repo} holds files whose names differ in case alone, which is no folder of an adapter")
    others = sorted(path for path in names - taken if path != ".gitattributes")
    return Choice(wanted, tuple(others))


def _check_kind(repo: str, names: set[str]) -> None:
    if (RECIPE in names and ENTRY in names) or is_a_model(names):
        return
    if CONFIG not in names:
        what = (
            "a whole model, which is used as a base: --base" if "config.json" in names else "no adapter: it holds no adapter_config.json;"
        )
        raise AdapterError(f"{repo} is {what} {repo if 'config.json' in names else 'pull a repository with a PEFT LoRA in it'}")
    if WEIGHTS in names:
        return
    pickled = sorted(name for name in names if name.endswith(_PICKLED))
    if pickled:
        raise AdapterError(
            f"{repo} holds its weights in {pickled[0]} alone, pickled, which adapt does not open: opening it would run whatever is in it; "
            f"ask its owner for {WEIGHTS} (peft writes it by itself since version 0.7)"
        )
    raise AdapterError(f"{repo} holds no {WEIGHTS}; it is not complete, ask its owner")


def _check_sizes(repo: str, wanted: Sequence[HubFile]) -> None:
    total = sum(file.size for file in wanted)
    if total > MOST_BYTES:
        raise AdapterError(f"{repo} holds {format_size(total)}, which no adapter has; at most {format_size(MOST_BYTES)} are taken")
    for file in wanted:
        most = MOST_RECORD_BYTES if file.path.rpartition("/")[2] in (ENTRY, CONFIG, RECIPE) else MOST_TEXT_BYTES
        if file.size > most and not file.path.endswith(".safetensors"):
            raise AdapterError(f"{file.path} of {repo} has {format_size(file.size)}; at most {format_size(most)} are taken")
