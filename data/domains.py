"""Domains as data: one toml file each, the user's own ones included (docs/data.md shows a complete one)."""

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal, get_args

from ..errors import DomainError, did_you_mean, unknown_name
from ..files import near_files
from ..names import has_unseen, normalise

DOMAIN_FILES = Path(__file__).parent / "domain_files"
HubLayout = Literal["pairs", "beir"]
Tasks = dict[str, tuple[str, ...]]
"""Language -> names of MTEB tasks, `TASK (SUBSET)` for one subset; `sample` among them is the sample that ships."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSet:
    """A public training set on the Hub, pinned to a revision.

    `layout` is "pairs" (a row holds a query, texts that answer it and, where there are any, texts that do not; a column may
    hold a list) or "beir" (the configs `corpus` and `queries`, and `config` holding the judgements). `query`, `positive` and
    `negative` are columns of "pairs". `rows` bounds how many rows are used, drawn with the seed (None: all). `verified` says
    whether the set was loaded with these very values; `page` is where they were read. `licence` is the Hub's id of the set's licence
    (None: its page states none).
    """

    id: str
    revision: str
    language: str
    page: str
    layout: HubLayout = "pairs"
    config: str = "default"
    split: str = "train"
    dev_split: str | None = None
    query: str | None = None
    positive: str | None = None
    negative: str | None = None
    rows: int | None = None
    verified: bool = False
    licence: str | None = None

    def __post_init__(self) -> None:
        if self.layout not in get_args(HubLayout):
            raise DomainError(f"{self.id}: {unknown_name('layout', self.layout, get_args(HubLayout))}")
        if self.layout == "pairs" and not (self.query and self.positive):
            raise DomainError(f'{self.id}: layout "pairs" needs the names of the columns, query = "..." and positive = "..."')
        if self.layout == "pairs" and self.dev_split is not None:
            raise DomainError(f'{self.id}: dev_split is for layout = "beir"; of "pairs", a part is held out as dev')
        if self.layout == "beir" and (self.query or self.positive or self.negative):
            raise DomainError(f'{self.id}: layout "beir" has its own columns; query, positive and negative are for layout = "pairs"')
        if "test" in (self.split, self.dev_split):
            raise DomainError(f"{self.id}: a test split is never trained on; name another split")
        if self.rows is not None and self.rows < 1:
            raise DomainError(f"{self.id}: rows is {self.rows}; expected at least 1")

    def __str__(self) -> str:
        return f"{self.id}@{self.revision[:12]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """What the tool knows of a domain.

    `description` is keyed by language. `tasks` are run by default, `large_tasks` on request, `general_tasks` to see what was
    lost. `sample` names the sample that ships, or is None.
    """

    name: str
    description: dict[str, str]
    sample: str | None = None
    hub: tuple[HubSet, ...] = ()
    tasks: Tasks = field(default_factory=dict)
    large_tasks: Tasks = field(default_factory=dict)
    general_tasks: Tasks = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", read_domain_name(self.name))

    def hub_sets(self, lang: str) -> tuple[HubSet, ...]:
        """Return the training sets in one language."""
        return tuple(hub_set for hub_set in self.hub if hub_set.language == lang)


def read_domain_name(text: str) -> str:
    """Return a domain's name as it is kept and compared: in NFC.

    Raises:
        DomainError: it is empty, or holds what cannot be seen.
    """
    if not text.strip() or has_unseen(text):
        raise DomainError(f"the domain name {text!r} is not valid; expected a word that can be read, such as legal")
    return normalise(text)


def domain_names() -> list[str]:
    """Return the names of the domains that ship."""
    return sorted(file.stem for file in DOMAIN_FILES.glob("*.toml"))


def load_domain(name_or_path: str | Path) -> Domain:
    """Read a domain that ships, by its name, or the user's own, by the path of its toml file.

    Raises:
        DomainError: there is none of that name or path, or the file is malformed.
    """
    text = str(name_or_path)
    if normalise(text) in domain_names():
        return _read(DOMAIN_FILES / f"{normalise(text)}.toml")
    if not text.endswith(".toml"):
        raise DomainError(unknown_name("domain", text, domain_names()) + "; or give the path of a domain file that ends in .toml")
    path = Path(text).expanduser()
    if not path.is_file():
        raise DomainError(f"the domain file {path} does not exist; domains that ship: {', '.join(domain_names())}.{near_files(path)}")
    return _read(path)


def name_domain(text: str, *, has_data: bool) -> tuple[Domain, str | None]:
    """Return the domain that a training run is for, and notes on it.

    A name that no domain has is a new one of the user's own where the data are the user's, and a mistake where they are the domain's.

    Raises:
        DomainError: as `load_domain`.
    """
    if not has_data or text in domain_names() or text.endswith(".toml"):
        return load_domain(text), None
    return Domain(name=text, description={}), f"{text} is a new domain of your own.{did_you_mean(text, domain_names())}"


def _read(path: Path) -> Domain:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise DomainError(f"the domain file {path} is not valid TOML: {e}") from e
    except OSError as e:
        raise DomainError(f"the domain file {path} cannot be read: {e.strerror}") from e
    try:
        return _domain({"name": path.stem, **values})
    except (DomainError, TypeError) as e:
        raise DomainError(f"the domain file {path}: {e}") from e


def _domain(values: dict[str, object]) -> Domain:
    known = [item.name for item in fields(Domain)]
    for key in values:
        if key not in known:
            raise DomainError(unknown_name("key", key, known))
    if "description" not in values:
        raise DomainError('expected a table [description] with a line for each language, such as en = "..."')
    description, sample, hub = values["description"], values.get("sample"), values.get("hub", [])
    if not isinstance(description, dict) or not all(isinstance(text, str) for text in description.values()):
        raise DomainError(f"[description] must give a text for each language, found {description!r}")
    if not isinstance(values["name"], str) or not isinstance(sample, str | None):
        raise DomainError("name and sample must be texts")
    if not isinstance(hub, list) or not all(isinstance(entry, dict) for entry in hub):
        raise DomainError("training sets are written as [[hub]] tables")
    tasks = {key: _tasks(key, values.get(key, {})) for key in ("tasks", "large_tasks", "general_tasks")}
    return Domain(name=values["name"], description=description, sample=sample, hub=tuple(_hub_set(entry) for entry in hub), **tasks)


def _tasks(key: str, value: object) -> Tasks:
    if not isinstance(value, dict) or not all(
        isinstance(names, list) and all(isinstance(name, str) for name in names) for names in value.values()
    ):
        raise DomainError(f'[{key}] must give a list of MTEB task names for each language, such as en = ["NFCorpus"], found {value!r}')
    return {language: tuple(names) for language, names in value.items()}


_TYPES = {"rows": int, "verified": bool}


def _hub_set(entry: dict[str, object]) -> HubSet:
    known = [item.name for item in fields(HubSet)]
    for key, value in entry.items():
        if key not in known:
            raise DomainError(unknown_name("key of [[hub]]", key, known))
        if type(value) is not _TYPES.get(key, str):
            raise DomainError(f"[[hub]] {key} must be a {_TYPES.get(key, str).__name__}, found {value!r}")
    missing = [key for key in ("id", "revision", "language", "page") if key not in entry]
    if missing:
        raise DomainError(f"a [[hub]] table lacks {', '.join(missing)}")
    return HubSet(**entry)  # type: ignore[arg-type]  # every value's type was checked above
