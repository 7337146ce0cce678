"""What two adapters have in common, in numbers: of a module, a layer or all of them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Two updates compared, of one module or of several taken together.

    What is undefined, because one of the two changes nothing there, is None.

    Attributes:
        name: The module, the layer, or `all`.
        norms: Frobenius norm of each.
        cosine: <x, y> / (|x| |y|), -1 to 1, over all elements; a module that one leaves alone counts in the other's norm.
        column_overlap: Mean squared cosine of the principal angles between the column spaces (what they write), 0 to 1.
        row_overlap: The same between the row spaces (what they read).
        column_chance: What random spaces of those dimensions would have; by it an overlap is to be judged.
        row_chance: The same for the row spaces.
        sign_conflicts: Share of opposite signs among the elements that both change; independent updates have 0.5.
        top_sign_conflicts: The same among the elements that are of the largest 20 % of both.
    """

    name: str
    norms: tuple[float, float]
    cosine: float | None
    column_overlap: float | None
    row_overlap: float | None
    column_chance: float | None
    row_chance: float | None
    sign_conflicts: float | None
    top_sign_conflicts: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PairExplanation:
    """Two adapters. `only_first` and `only_second` are the modules that one changes and the other leaves alone."""

    first: str
    second: str
    whole: Figures
    layers: tuple[Figures, ...]
    modules: tuple[Figures, ...]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
