"""All that a card says, as plain values: what a template is given."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...base.known import find_known
from ...base.metadata import read_metadata
from ...ensemble.modes import MODES
from ...registry import BaseRecord, DataRecord, Entry, ParentRecord, ScoreRecord
from ...registry.router_notes import ROUTER_NOTES
from ...registry.stored import without_places
from .benched import Benched, read_bench
from .command import command_of
from .licences import UsedData, used_data
from .mteb_tasks import MtebData, mteb_data
from .options import NO_REPOSITORY, CardOptions

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?", re.ASCII)
_REVISION = re.compile(r"[\w./-]{1,200}", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}|multilingual")
BENCH = "bench.json"
"""The scores that lie in a version's own folder, as in those that ship."""
_SETTINGS_APART = ("libraries", "search", "pca", "seeds")
"""Keys of an entry's configuration that are no settings."""


@dataclass(frozen=True, slots=True)
class CardBase:
    """A base: its Hub id (None: none), its revision there, its fingerprint, and what it is called."""

    id: str | None
    revision: str | None
    sha256: str
    label: str


@dataclass(frozen=True, slots=True)
class CardParent:
    """A parent or member: its name, its content's hash, its share; and its repository and commit, where it lies on the Hub."""

    reference: str
    sha256: str | None
    weight: float | None
    id: str | None = None
    revision: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a card says.

    Attributes:
        entry: The version, without paths of the machine.
        repo: Its repository, or a placeholder.
        bases: What it lies on.
        languages: ISO 639-1 codes, or `multilingual`.
        domains: What it is for: its own domain, else those of what it was made from.
        description: What its domain is, in the card's language; None where it has not one domain that ships.
        max_tokens: The longest text; None where the folder does not say.
        licence: Of the version itself; None: not stated.
        dev: The score of training.
        bench: The scores of the bench.
        mteb_data: Task of the bench -> where its data lie on the Hub, for those of MTEB's.
        routes: What to know of a version for queries alone, as Markdown in the card's language; empty of any other.
        data: What it, or what it was made from, was trained on.
        record: Of its own data; None of what was not trained.
        parents: What it was made from.
        command: What makes it again.
        settings: Every recorded setting.
        libraries: Name -> version.
        has_biases: Whether it changes biases, which peft cannot take back.
        head: The width that a projection head gives its vectors; None: it has none.
        dims: For how many first numbers of its vectors it was trained; empty: for whole ones alone.
    """

    entry: Entry
    repo: str
    bases: tuple[CardBase, ...]
    languages: tuple[str, ...]
    domains: tuple[str, ...]
    description: str | None
    max_tokens: int | None
    licence: str | None
    dev: ScoreRecord | None
    bench: Benched | None
    mteb_data: Mapping[str, MtebData]
    routes: tuple[str, ...]
    data: tuple[UsedData, ...]
    record: DataRecord | None
    parents: tuple[CardParent, ...]
    command: str | None
    settings: Mapping[str, object]
    libraries: Mapping[str, str]
    has_biases: bool
    head: int | None = None
    dims: tuple[int, ...] = ()

    @property
    def ranks_alone(self) -> bool:
        """Whether it is an ensemble whose texts have no vectors: passages are ranked, and no more."""
        return self.entry.kind == "ensemble" and self.entry.method in MODES and not MODES[self.entry.method].has_vectors

    @property
    def base(self) -> CardBase:
        """The base, or the first of several."""
        return self.bases[0]


def card_facts(entry: Entry, folder: Path, options: CardOptions) -> Card:
    """Gather what is said of a version.

    Args:
        entry: The version.
        folder: Its files.
        options: What else is known of it.

    Raises:
        ConfigError: the bench's file is not one, or does not know the version.
    """
    plain = without_places(entry)
    domains = _domains(plain, options)
    scores = options.bench or folder / BENCH
    bench = read_bench(scores, entry.reference) if options.bench or scores.is_file() else None
    bases = tuple(_base(base, options) for base in plain.bases)
    return Card(
        entry=plain,
        repo=options.repo_id or NO_REPOSITORY,
        bases=bases,
        languages=_languages(plain, options),
        domains=domains,
        description=_description(domains, options.language),
        max_tokens=read_metadata(folder).max_tokens if plain.kind != "ensemble" else None,
        licence=options.licence,
        dev=plain.dev,
        bench=bench,
        mteb_data={score.task: found for score in bench.scores if (found := mteb_data(score.task))} if bench else {},
        routes=ROUTER_NOTES[options.language] if plain.side == "query" else (),
        data=used_data(plain, {name: without_places(each) for name, each in options.ancestors.items()}),
        record=plain.data,
        parents=tuple(map(_parent, plain.parents)),
        command=command_of(plain, bases[0].id),
        settings={key: value for key, value in plain.config.items() if key not in _SETTINGS_APART},
        libraries={str(name): str(version) for name, version in (plain.config.get("libraries") or {}).items()},
        has_biases=(folder / "biases.safetensors").is_file(),
        head=plain.dimension if plain.kind != "ensemble" else None,
        dims=plain.dims,
    )


def is_hub_id(text: str | None) -> bool:
    """Return whether this may be the id of a repository on the Hub."""
    return text is not None and _HUB_ID.fullmatch(text) is not None


def _base(base: BaseRecord, options: CardOptions) -> CardBase:
    chosen = options.base_id(base)
    if not is_hub_id(chosen):
        return CardBase(None, None, base.sha256, base.label)
    known = find_known(sha256=base.sha256)
    revision = base.revision if chosen == base.id else known.revision if known and known.hub_id == chosen else None
    return CardBase(chosen, revision if _REVISION.fullmatch(revision or "") else None, base.sha256, base.label)


def _languages(entry: Entry, options: CardOptions) -> tuple[str, ...]:
    stated = [each.data.language for each in (entry, *options.ancestors.values()) if each.data and each.data.language]
    if not stated:
        known = (find_known(hub_id=options.base_id(base), sha256=base.sha256) for base in entry.bases)
        stated = [each.language for each in known if each]
    return tuple(dict.fromkeys(each for each in stated if _LANGUAGE.fullmatch(each)))


def _domains(entry: Entry, options: CardOptions) -> tuple[str, ...]:
    stated = [entry.domain] if entry.domain else [each.domain for each in options.ancestors.values() if not each.parents]
    return tuple(sorted({each for each in stated if each}))


def _description(domains: tuple[str, ...], language: str) -> str | None:
    from ...data.domains import domain_names, load_domain

    return load_domain(domains[0]).description.get(language) if len(domains) == 1 and domains[0] in domain_names() else None


def _parent(parent: ParentRecord) -> CardParent:
    where, _, revision = parent.reference.removeprefix("hf:").partition("@")
    if not parent.reference.startswith("hf:") or not is_hub_id(where):
        return CardParent(parent.reference, parent.sha256, parent.weight)
    return CardParent(parent.reference, parent.sha256, parent.weight, where, revision if _REVISION.fullmatch(revision) else None)
