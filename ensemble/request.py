"""What an ensemble is asked to be, and what the words alone show to be wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import ConfigError, RequestError
from ..references import Search
from .modes import DEFAULT_MODE
from .recipe import share_weights


@dataclass(frozen=True, slots=True, kw_only=True)
class EnsembleRequest:
    """Which members to use together, and how; None leaves a value to its default.

    Attributes:
        references: What the user names: two or more, on any bases where the mode allows it.
        where: Where references are looked for; None: the user's own registry.
        mode: A key of `MODES`.
        weights: One each, in the order of the references, on any scale; None: equal ones.
        dim: What PCA is to reduce the vectors of the mode concat to; None: no reduction.
        texts: What PCA is fitted on, or what gives it once all else has been checked; goes with `dim`.
        name: In the registry; None: the members' names and the mode, joined.
        register: Whether the result becomes a version of the registry; else it stays in memory, and needs no name.

    Raises:
        RequestError: values exclude one another, or do not fit the number of members.
    """

    references: tuple[str, ...]
    where: Search | None = None
    mode: str = DEFAULT_MODE
    weights: tuple[float, ...] | None = None
    dim: int | None = None
    texts: Sequence[str] | Callable[[], Sequence[str]] | None = None
    name: str | None = None
    register: bool = True

    def __post_init__(self) -> None:
        if (self.texts is None) != (self.dim is None):
            raise RequestError("--pca TEXTFILE and --dim D go together: PCA is fitted on the texts, to that dimension")
        if self.dim is not None and self.mode != "concat":
            raise RequestError(f"--dim shortens the vectors of --mode concat; with --mode {self.mode}, leave --pca and --dim out")
        try:
            share_weights(self.mode, self.weights, len(self.references))
        except ConfigError as e:
            raise RequestError(str(e)) from None

    def read_texts(self) -> list[str]:
        """Return what PCA is fitted on; nothing where it is not asked for.

        Raises:
            DataError: it cannot be read.
        """
        return list((self.texts() if callable(self.texts) else self.texts) or ())
