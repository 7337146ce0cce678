"""One version: what the registry knows of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from ..choices import SIDES
from ..choices import Side as Side
from ..errors import RegistryError, unknown_name
from ..names import normalise
from .record_json import as_json
from .records import BaseRecord, DataRecord, FileRecord, HubRecord, ParentRecord, ScoreRecord
from .reference_names import check_name

Kind = Literal["adapter", "merge", "ensemble", "map", "model"]

_ALONE: dict[Side, str] = {"both": "", "query": f" for {SIDES['query']}", "document": f" for {SIDES['document']}"}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What the registry keeps of one version.

    Attributes:
        kind: What it is: weights that were trained, weights that were merged, a recipe without weights, a map on final vectors, or a
            whole model that needs no base.
        side: Which texts it changes; those of the other side get the vectors of the base, so that a corpus which was embedded with
            the base stays as it is under an adapter for queries alone.
        name: Letters and digits of any script and `. _ -` (`names.RULE`), in NFC, as is the domain.
        version: 1, 2, ...; 0 for a draft that the registry has not numbered yet.
        domain: What it was made for; None where it is not stated.
        bases: What it lies on: one base, or several of an ensemble; of a model, what it was made from.
        pooling: `cls` or `mean`; None for an ensemble over bases that differ.
        prompts: Role -> the instruction before each text.
        method: How it was made: `lora`, or a merge method's or an ensemble mode's name.
        rank: Largest rank of its factors; None for a recipe.
        targets: Ends of the names of the changed modules.
        files: Relative path -> what was registered; the registry fills it in.
        parents: What it was made from.
        config: The resolved configuration, as JSON holds it.
        seed: Of everything drawn.
        data: What it was trained on; None for what was not trained.
        scores: Of which data -> the measurement; `dev` is that of training.
        created: ISO 8601, UTC.
        hub: Where it lies on the Hub, each repository once, the newest last. It changes with every push, and does not count where two
            entries are compared.
        unchecked: Fingerprints of the bases that were not on this machine when it came from elsewhere, so that it was not held against
            them; the first use does that, and takes them out.
    """

    kind: Kind
    side: Side = "both"
    name: str
    version: int = 0
    domain: str | None = None
    bases: tuple[BaseRecord, ...]
    pooling: str | None = None
    prompts: dict[str, str] = field(default_factory=dict)
    method: str | None = None
    rank: int | None = None
    targets: tuple[str, ...] = ()
    files: dict[str, FileRecord] = field(default_factory=dict)
    parents: tuple[ParentRecord, ...] = ()
    config: dict[str, Any] = field(default_factory=dict)
    seed: int | None = None
    data: DataRecord | None = None
    scores: dict[str, ScoreRecord] = field(default_factory=dict)
    created: str = field(default_factory=_now)
    hub: tuple[HubRecord, ...] = field(default=(), compare=False)
    unchecked: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise RegistryError(f"the name {self.name!r} is not a text")
        object.__setattr__(self, "name", normalise(self.name))
        check_name(self.name)
        if isinstance(self.domain, str):
            object.__setattr__(self, "domain", normalise(self.domain))
        if self.kind not in get_args(Kind):
            raise RegistryError(unknown_name("kind of entry", str(self.kind), get_args(Kind)))
        if self.side not in get_args(Side):
            raise RegistryError(unknown_name("side", str(self.side), get_args(Side)))
        if not isinstance(self.version, int) or self.version < 0:
            raise RegistryError(f"the version of {self.name} is {self.version!r}; expected a whole number, 1 or more")
        if not self.bases:
            raise RegistryError(f"{self.name} must name its base")
        try:
            datetime.fromisoformat(self.created)
        except (TypeError, ValueError):
            raise RegistryError(f"{self.name} was created at {self.created!r}; expected an ISO 8601 time") from None

    @property
    def reference(self) -> str:
        """How the user names it: `name@version`."""
        return f"{self.name}@{self.version}"

    @property
    def what(self) -> str:
        """What it is, in words: its kind, and which texts alone it changes."""
        return self.kind + _ALONE[self.side]

    @property
    def dimension(self) -> int | None:
        """The width of its vectors where it is its own: that of a projection head, or of an ensemble; None: the base's."""
        return self._whole("head") or self._whole("dimension")

    @property
    def dims(self) -> tuple[int, ...]:
        """For how many numbers of its vectors it was trained by Matryoshka; empty: it was not."""
        dims = self.config.get("dims")
        return tuple(dim for dim in dims if isinstance(dim, int)) if isinstance(dims, list | tuple) else ()

    @property
    def models(self) -> frozenset[str]:
        """The fingerprints of an ensemble's members that are whole models: their networks are their own, and are looked for nowhere else."""
        models = self.config.get("models")
        return frozenset(each for each in models if isinstance(each, str)) if isinstance(models, list | tuple) else frozenset()

    def _whole(self, name: str) -> int | None:
        """Return a whole number of the configuration, which may come from elsewhere."""
        value = self.config.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    @property
    def base_labels(self) -> str:
        """What its base is called in messages, or its bases with `and` between them."""
        return " and ".join(base.label for base in self.bases)

    @property
    def size(self) -> int:
        """The bytes of its files."""
        return sum(file.size for file in self.files.values())

    @property
    def dev(self) -> ScoreRecord | None:
        """The score of training on dev; None where there was none."""
        return self.scores.get("dev")

    def is_on(self, base_sha256: str) -> bool:
        """Return whether it, or a part of it, was made for the base with this fingerprint."""
        return any(base.sha256 == base_sha256 for base in self.bases)

    def with_hub(self, record: HubRecord) -> Entry:
        """Return it with a place on the Hub, in the stead of what was known of that repository's branch."""
        return replace(self, hub=(*(each for each in self.hub if each.place != record.place), record))

    def as_dict(self) -> dict[str, Any]:
        """Return it as `--json` shows it: one base as an object, several as a list."""
        bases = [asdict(base) for base in self.bases]
        plain = {each.name: getattr(self, each.name) for each in fields(self)}
        shown = plain | {
            "bases": bases[0] if len(bases) == 1 else bases,
            "targets": list(self.targets),
            "files": {path: asdict(file) for path, file in self.files.items()},
            "parents": [asdict(parent) for parent in self.parents],
            "data": {} if self.data is None else as_json(self.data),
            "scores": {name: asdict(score) for name, score in self.scores.items()},
            "hub": [as_json(record) for record in self.hub],
            "unchecked": list(self.unchecked),
        }
        return {"base" if name == "bases" else name: value for name, value in shown.items()}
