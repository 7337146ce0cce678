"""The methods of merging: one table. A method makes one module's update of its parents' updates; `merge.py` walks over modules."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ..errors import ConfigError, unknown_name
from ..lora import Update
from .linear import merge_linear
from .parts import MethodSettings, Part

MergeMethod = Callable[[Sequence[Part], MethodSettings], Update]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A row of the table.

    Attributes:
        merge: The method itself: the parts of one module -> its merged update.
        source: The paper's URL, or the page's.
        use: One line: when to use it.
        settings: The fields of `MethodSettings` that it reads.
        parents: How many it takes; None: any number.
        needs_gram: Whether parents must carry activation Gram matrices.
        one_is_itself: Whether one adapter with weight 1 comes back as it is (densities at 1).
        copies_are_the_copy: Whether the mean of two copies is the copy (densities at 1).
        zero_is_the_base: Whether weights of zero give the base.
        is_symmetric: Whether permuting parents with their weights changes nothing.
    """

    merge: MergeMethod
    source: str
    use: str
    settings: tuple[str, ...] = ()
    parents: int | None = None
    needs_gram: bool = False
    one_is_itself: bool = True
    copies_are_the_copy: bool = True
    zero_is_the_base: bool = True
    is_symmetric: bool = True
    defaults: dict[str, float] = field(default_factory=dict)


METHODS: dict[str, Method] = {
    "linear": Method(
        merge=merge_linear,
        source="https://arxiv.org/abs/2212.04089",
        use="the plain weighted sum, exact and lossless: the one to start with, and to hold others against",
    ),
}
"""Name -> method."""


def find_method(name: str) -> Method:
    """Return a method by name.

    Raises:
        ConfigError: there is none; the message lists those that there are.
    """
    if name not in METHODS:
        raise ConfigError(unknown_name("merge method", name, tuple(METHODS)))
    return METHODS[name]
