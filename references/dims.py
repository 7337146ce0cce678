"""Vectors cut after their first numbers (`--dim`): which references take it, and whether they were trained for it."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import ConfigError
from .types import Resolved


def check_dim(resolved: Resolved, dim: int | None) -> Iterator[str]:
    """Refuse what cannot be cut to so many numbers, and yield a note where it was not trained for it; None: nothing is cut.

    Raises:
        ConfigError: it has fewer numbers, none at all, or those of several models one behind the other.
    """
    if dim is None:
        return
    width = resolved.dimension
    if width is None or (resolved.recipe is not None and resolved.recipe.mode != "mean"):
        has = "ranks and has no vectors" if width is None else "has the vectors of its members one behind the other"
        raise ConfigError(f"--dim cuts vectors after their first {dim} numbers, and {resolved.reference} {has}; leave --dim out")
    if dim > width:
        raise ConfigError(f"--dim is {dim}, and the vectors of {resolved.reference} have {width} numbers; name at most {width}")
    if dim < width and dim not in (trained := trained_dims(resolved)):
        of = f"for {', '.join(map(str, trained))} numbers" if trained else "for whole vectors alone"
        yield (
            f"{resolved.reference} was trained {of}, and its vectors are cut after {dim} of {width}: this may cost more than it has to "
            f"(training for it: adapt train --set loss.dims={width},{dim})"
        )


def trained_dims(resolved: Resolved) -> tuple[int, ...]:
    """Return for how many numbers a reference was trained by Matryoshka (`loss.dims`), each member of an ensemble alike; empty: it was not."""
    each = [set(member.entry.dims) if member.entry else set[int]() for member in resolved.members or (resolved,)]
    return tuple(sorted(set.intersection(*each), reverse=True))
