"""What a merge is asked to be, and what the words alone show to be wrong with it. Nothing here loads torch or looks for anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Literal, get_args

from ..choices import StoreDtype
from ..errors import ConfigError, RequestError, unknown_name
from ..plurals import count
from .methods import DEFAULT_METHOD, METHODS, MethodSettings, find_method
from .weight_search import WeightSearch, given_options, option_name

if TYPE_CHECKING:
    from ..references import Search

_READ_ANYWAY = "seed"  # by the search as by methods: it is not refused where the method does not read it
_ONLY_TO_MERGE = ("method", "weights", "energy", "with_base", "store", "name", "domain")


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeRequest:
    """Which adapters to merge, and how; None leaves a value to its default.

    Attributes:
        references: What the user names: adapters and merges on one base, and `base`.
        where: Where references are looked for; None: the user's own registry.
        method: A key of `METHODS`; None: `regmean` where all inputs carry Gram matrices, else `linear`.
        weights: One each, in the order of the references; None: 1/n each.
        rank: How many dimensions the result keeps: `auto`, `full` (lossless), or a number.
        energy: Share of the squared norm that the rank `auto` keeps, above 0 and at most 1; None: 0.99.
        with_base: Scales the result: 1 leaves it (None as well), 0 is the base.
        settings: Those fields of `MethodSettings` that are said; the others keep their defaults.
        store: Number format of the file; None: fp16, and fp32 with the rank `full`.
        name: In the registry; None: the names of the inputs, joined.
        domain: What it is for; None: the domain that the adapters share, where they do.
        search: How the weights are chosen on dev data.
        explain: Whether the adapters are only compared (`explain_merge`), and nothing is merged.
        register: Whether the result becomes a version of the registry; else it stays in memory, and needs no name.

    Raises:
        RequestError: values exclude one another, do nothing, or do not fit the number of inputs.
        ConfigError: the method, a setting or the number format is unknown.
    """

    references: tuple[str, ...]
    where: Search | None = None
    method: str | None = None
    weights: tuple[float, ...] | None = None
    rank: int | Literal["auto", "full"] = "auto"
    energy: float | None = None
    with_base: float | None = None
    settings: Mapping[str, float] = field(default_factory=dict)
    store: StoreDtype | None = None
    name: str | None = None
    domain: str | None = None
    search: WeightSearch = field(default_factory=WeightSearch)
    explain: bool = False
    register: bool = True

    def __post_init__(self) -> None:
        inputs = len(self.references)
        if not inputs:
            raise RequestError("name the adapters to merge, such as: adapt merge legal medical")
        self.search.check_sources()
        self._check_explained()
        if self.energy is not None and self.rank != "auto":
            rank = f"--rank {self.rank}"
            raise RequestError(f"--energy decides the rank of --rank auto; with {rank} it does nothing: leave one of them out")
        if self.weights is not None and len(self.weights) != inputs:
            weights = count(len(self.weights), "weight")
            raise RequestError(f"there are {inputs} adapters to merge and {weights}; give one each, in their order")
        if self.store not in (None, *get_args(StoreDtype)):
            raise ConfigError(unknown_name("store", str(self.store), get_args(StoreDtype)))
        self._check_method()
        self.search.check_curve()

    def method_settings(self) -> MethodSettings:
        """Return what the method is told.

        Raises:
            RequestError: a value does not fit.
            ConfigError: there is no such setting.
        """
        known = tuple(each.name for each in fields(MethodSettings))
        if stray := next((name for name in self.settings if name not in known), None):
            raise ConfigError(unknown_name("setting of merge methods", stray, known))
        try:
            return MethodSettings(**self.settings)  # type: ignore[arg-type]  # a whole number is a number
        except ConfigError as e:
            raise RequestError(str(e)) from None

    def _check_explained(self) -> None:
        idle = (*given_options(self, _ONLY_TO_MERGE), *map(option_name, self.settings), *given_options(self.search, ("sources",)))
        if self.explain and idle:
            raise RequestError(f"--explain merges nothing, and {idle[0]} does nothing beside it; leave one of them out")

    def _check_method(self) -> None:
        """Refuse an unknown method, one for another number of inputs, and a setting that does not fit or that the method does not read."""
        method = find_method(self.method or DEFAULT_METHOD)  # regmean, where it is taken unasked, reads no setting either
        self.method_settings()
        if method.parents not in (None, len(self.references)):
            raise RequestError(f"{self.method} merges {method.parents} adapters, and {len(self.references)} were given")
        unread = next((name for name in self.settings if name not in (_READ_ANYWAY, *method.settings)), None)
        if unread is not None:
            name = self.method or f"{DEFAULT_METHOD}, which is taken where no --method is given,"
            readers = ", ".join(each for each, row in METHODS.items() if unread in row.settings)
            raise RequestError(f"{name} does not read {option_name(unread)}; the methods that do: {readers}")
