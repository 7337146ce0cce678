"""The settings of merge methods beside the weights: one table of fields, from which the command line takes its options too."""

from dataclasses import dataclass, field

from ...errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodSettings:
    """Settings of methods beside the weights. A method reads those that its row in `METHODS` names.

    A field's metadata is its option: the help, the word for its value, and the bounds of a whole number.

    Attributes:
        density: Share of elements that sparsifying keeps, above 0 and at most 1; 1 keeps all, whatever the others say.
        spread: DELLA: how far the probability of keeping an element may lie from `density`, 0 to 1; at most to 0 or 1.
        outliers: Breadcrumbs: share of the largest elements that is dropped, 0 to below 1; at most what `density` leaves to drop.
        seed: Of what is drawn at random: another seed, another mask.
    """

    density: float = field(default=0.5, metadata={"help": "Share of elements that a sparsifying method keeps", "metavar": "D"})
    spread: float = field(default=0.1, metadata={"help": "della: how far dropping depends on magnitude", "metavar": "S"})
    outliers: float = field(default=0.01, metadata={"help": "breadcrumbs: share of the largest elements to drop", "metavar": "O"})
    seed: int = field(default=0, metadata={"help": "Of what a method draws at random", "metavar": "N", "bounds": (0, 2**32 - 1)})

    def __post_init__(self) -> None:
        if not 0 < self.density <= 1:
            raise ConfigError(f"density is {self.density}; expected a share above 0 and at most 1")
        if not 0 <= self.spread <= 1:
            raise ConfigError(f"spread is {self.spread}; expected 0 to 1")
        if not 0 <= self.outliers < 1:
            raise ConfigError(f"outliers is {self.outliers}; expected 0 or more, and below 1")
        if not 0 <= self.seed < 2**32:
            raise ConfigError(f"seed is {self.seed}; it must be at least 0 and below 2**32")
