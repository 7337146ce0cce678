"""How members are put together: one table. `encoders.py` and `searchers.py` compute."""

from dataclasses import dataclass

from ..errors import ConfigError, unknown_name

RRF_K = 60
"""The constant of reciprocal rank fusion's paper, which damps the weight of the first ranks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """A row of the table.

    Attributes:
        has_vectors: Whether texts get vectors; without, passages can be ranked and no more.
        across_bases: Whether members may lie on different bases.
        zero_weights: Whether a member may have weight 0.
        source: The paper's URL, or None where nobody claims it.
        use: One line: when to use it.
    """

    has_vectors: bool
    across_bases: bool
    zero_weights: bool
    source: str | None
    use: str


DEFAULT_MODE = "concat"

MODES: dict[str, Mode] = {
    "concat": Mode(
        has_vectors=True,
        across_bases=True,
        zero_weights=False,
        source=None,
        use="the weighted sum of the members' cosines, exactly; on any bases; vectors as long as all members' together (--dim shortens them)",
    ),
    "mean": Mode(
        has_vectors=True,
        across_bases=False,
        zero_weights=True,
        source=None,
        use="the weighted mean of the members' vectors; on one base alone; vectors no longer than one member's; of adapters for queries alone, "
        "the queries search the base's own index",
    ),
    "rrf": Mode(
        has_vectors=False,
        across_bases=True,
        zero_weights=True,
        source="https://doi.org/10.1145/1571941.1572114",
        use="fuses the members' rankings; for members whose cosines cannot be compared; on any bases; ranks and has no vectors",
    ),
    "max": Mode(
        has_vectors=False,
        across_bases=True,
        zero_weights=True,
        source=None,
        use="the largest of the members' cosines; for adapters each of which alone knows its domain; on any bases, though cosines of different "
        "bases seldom lie on one scale (then rrf); ranks and has no vectors",
    ),
}
"""Name -> mode."""


def find_mode(name: str) -> Mode:
    """Return a mode by name.

    Raises:
        ConfigError: there is none; the message lists those that there are.
    """
    if name not in MODES:
        raise ConfigError(unknown_name("ensemble mode", name, tuple(MODES)))
    return MODES[name]
