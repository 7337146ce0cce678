"""An ensemble's recipe, which is all that its folder holds: mode, members and weights; to and from `ensemble.json`."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..choices import Side
from ..errors import AdapterError, ConfigError, RegistryError
from ..plurals import count
from ..registry.record_json import read_record
from ..registry.records import BaseRecord, find_on_other_base
from .modes import find_mode

RECIPE = "ensemble.json"
PROJECTION = "pca.safetensors"
INSIDE = "./members/"
"""How a reference begins to a member that lies in the ensemble's own folder: one that came with its members."""
FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One member, and how its texts go in.

    Attributes:
        reference: Its full name, with the version; or an absolute path, `hf:OWNER/REPO@REVISION`, `./members/NAME`, or `base`.
        sha256: Of its factors' content; of the base's weights where it has no factors.
        weight: Its share; the shares of an ensemble have the sum 1.
        base: The record of the base that it lies on.
        pooling: How its vectors come out.
        prompts: Role -> the instruction before each text.
        max_tokens: Its longest input.
        dimension: Of its vectors.
        side: Which texts it changes.
        head: The hash of its projection head; None: it has none.
        is_model: Whether it is a whole model, whose network is its own.
    """

    reference: str
    sha256: str
    weight: float
    base: BaseRecord
    pooling: str
    prompts: dict[str, str]
    max_tokens: int
    dimension: int
    side: Side = "both"
    head: str | None = None
    is_model: bool = False

    @property
    def leaves_documents(self) -> bool:
        """Whether documents have the vectors of its base under it: it is for queries alone, or the base itself."""
        return self.side == "query" or (self.sha256 == self.base.sha256 and not self.is_model)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What an ensemble is.

    Attributes:
        mode: A key of `MODES`.
        members: Two or more.
        dim: The dimension that PCA reduces the vectors to; None: no reduction.
    """

    mode: str
    members: tuple[Member, ...]
    dim: int | None = None

    def __post_init__(self) -> None:
        if share_weights(self.mode, self.weights, len(self.members)) != self.weights:
            raise ConfigError(f"the weights {', '.join(map(str, self.weights))} are not shares that add up to 1")
        if not find_mode(self.mode).across_bases:
            _check_one_base(self.mode, self.members)
        if self.dim is not None:
            _check_dim(self)

    @property
    def side(self) -> Side:
        """Which texts it changes: those of queries alone where no member changes documents, and one does change queries."""
        members = self.members
        is_query = all(member.leaves_documents for member in members) and any(member.side == "query" for member in members)
        return "query" if is_query else "both"

    @property
    def weights(self) -> tuple[float, ...]:
        """The members' shares, in their order."""
        return tuple(member.weight for member in self.members)

    @property
    def bases(self) -> list[BaseRecord]:
        """The records of the bases, each once, in the order of the members."""
        return list({member.base.sha256: member.base for member in self.members}.values())

    @property
    def dimension(self) -> int | None:
        """The dimension of its vectors; None where it has none."""
        if not find_mode(self.mode).has_vectors:
            return None
        whole = sum(member.dimension for member in self.members) if self.mode == "concat" else self.members[0].dimension
        return self.dim or whole


def make_recipe(members: Sequence[Member], *, mode: str, weights: Sequence[float] | None = None, dim: int | None = None) -> Recipe:
    """Return the recipe of an ensemble.

    Args:
        members: Two or more; their own weights do not count.
        mode: A key of `MODES`.
        weights: One each, on any scale; None: equal ones.
        dim: What PCA is to reduce the vectors to; None: no reduction.

    Raises:
        ConfigError: members, weights or dimension do not fit the mode.
    """
    shares = share_weights(mode, weights, len(members))
    shared = tuple(replace(member, weight=share) for member, share in zip(members, shares, strict=True))
    return Recipe(mode=mode, members=shared, dim=dim)


def share_weights(mode: str, weights: Sequence[float] | None, members: int) -> tuple[float, ...]:
    """Return weights as shares with the sum 1; None: equal ones.

    Raises:
        ConfigError: there are less than two members, more or fewer weights than members, or one that does not fit the mode.
    """
    takes_zero = find_mode(mode).zero_weights
    if members < 2:
        raise ConfigError("an ensemble needs at least 2 members; name another one")
    if weights is None:
        return (1 / members,) * members
    if len(weights) != members:
        raise ConfigError(f"{count(len(weights), 'weight')} for {count(members, 'member')}; give one each, in their order")
    for weight in weights:
        if not math.isfinite(weight) or weight < 0 or (weight == 0 and not takes_zero):
            raise ConfigError(
                f"the weight {weight:g} does not fit the mode {mode}; each must be {'0 or more' if takes_zero else 'above 0'}"
            )
    total = math.fsum(weights)
    if total == 0:
        raise ConfigError("all weights are 0; at least one member must count")
    return tuple(weights) if math.isclose(total, 1, rel_tol=1e-9) else tuple(weight / total for weight in weights)


def _check_one_base(mode: str, members: Sequence[Member]) -> None:
    first, other = members[0], find_on_other_base(members)
    if other is not None:
        raise ConfigError(
            f"{mode} adds vectors, which only means something in one space: {first.reference} lies on {first.base.label} and "
            f"{other.reference} on {other.base.label}, whose dimensions have nothing in common; across bases take concat, rrf or max"
        )
    elsewhere = next((member for member in members if member.head != first.head), None)
    if elsewhere is not None:
        raise ConfigError(
            f"{mode} adds vectors, which only means something in one space: {first.reference} has {_space(first)}, and {elsewhere.reference} "
            f"{_space(elsewhere)}, whose dimensions have nothing in common; take concat, rrf or max"
        )


def _space(member: Member) -> str:
    return f"the {member.dimension} numbers of {'the base' if member.head is None else 'a projection head of its own'}"


def check_distinct(recipe: Recipe) -> None:
    """Refuse a member that is named twice: it would count double and cost double.

    Raises:
        ConfigError: there is one.
    """
    seen = set()
    for member in recipe.members:
        if (member.reference, member.base.sha256) in seen:
            raise ConfigError(f"{member.reference} is named twice; name each member once (how much it counts is said with --weights)")
        seen.add((member.reference, member.base.sha256))


def check_side(recipe: Recipe) -> None:
    """Refuse vectors of documents that only repeat those of the base.

    Raises:
        ConfigError: the mode is concat, and all members are for queries alone, on one base.
    """
    if recipe.mode == "concat" and recipe.side == "query" and len(recipe.bases) == 1:
        raise ConfigError(
            f"all members are for queries alone: concat would repeat the base's vectors of documents {len(recipe.members)} times and rank as "
            "mean does; take --mode mean, whose queries search the base's own index"
        )


def _check_dim(recipe: Recipe) -> None:
    if recipe.mode != "concat":
        raise ConfigError(f"--pca and --dim shorten the vectors of the mode concat; {recipe.mode} has nothing to shorten")
    whole = sum(member.dimension for member in recipe.members)
    if not 1 <= (recipe.dim or 0) <= whole:
        raise ConfigError(f"--dim is {recipe.dim}; expected 1 to {whole}, which the members' vectors have together")


def changed_member(ensemble: str, member: Member, sha256: str) -> AdapterError:
    """Return the error of a member whose content is not the recorded one any more."""
    return AdapterError(
        f"{ensemble} was made with {member.reference} of sha256 {member.sha256[:12]}..., which has {sha256[:12]}... now; "
        "restore that member, or make the ensemble again: adapt ensemble"
    )


def write_recipe(recipe: Recipe, folder: Path) -> None:
    """Write `ensemble.json`; the same recipe gives the same bytes."""
    (folder / RECIPE).write_bytes(recipe_file(recipe))


def recipe_file(recipe: Recipe) -> bytes:
    """Return the content of `ensemble.json`."""
    stored = asdict(recipe) | {"members": [_stored(member) for member in recipe.members]}
    return (json.dumps({"format": FORMAT} | stored, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _stored(member: Member) -> dict[str, Any]:
    """Return a member as earlier versions read it; they know no side, no head and no whole model."""
    later = {"side": "both", "head": None, "is_model": False}
    return {key: value for key, value in asdict(member).items() if key not in later or value != later[key]}


def read_recipe(folder: Path) -> Recipe:
    """Read `ensemble.json`.

    Raises:
        AdapterError: it is absent, damaged, or of a newer format.
    """
    path = folder / RECIPE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.pop("format", None) != FORMAT:
            raise AdapterError(f"{path} is of another format than {FORMAT}; a newer adapt-embed may read it")
        members = tuple(_read_member(member) for member in content.pop("members"))
        return Recipe(members=members, **content)
    except FileNotFoundError:
        raise AdapterError(f"{folder} holds no ensemble: it has no {RECIPE}") from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, ConfigError, RegistryError) as e:
        raise AdapterError(f"{path} is damaged ({e}); restore it from a copy, or make the ensemble again") from e


def _read_member(content: dict[str, Any]) -> Member:
    return Member(**content | {"base": read_record(BaseRecord, content["base"], "the base of a member")})
