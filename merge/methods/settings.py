"""What merge methods can be told beside the weights."""

from dataclasses import dataclass

from ...errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodSettings:
    """What methods can be told beside the weights. A method reads those that its row in `METHODS` names.

    Attributes:
        density: Share of elements that sparsifying keeps, above 0 and at most 1; 1 keeps all, whatever the others say.
        spread: DELLA: how far the probability of keeping an element may lie from `density`, 0 to 1; at most to 0 or 1.
        outliers: Breadcrumbs: share of the largest elements that is dropped, 0 to below 1; at most what `density` leaves to drop.
        seed: Of what is drawn at random: another seed, another mask.
    """

    density: float = 0.5
    spread: float = 0.1
    outliers: float = 0.01
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.density <= 1:
            raise ConfigError(f"density is {self.density}; expected a share above 0 and at most 1")
        if not 0 <= self.spread <= 1:
            raise ConfigError(f"spread is {self.spread}; expected 0 to 1")
        if not 0 <= self.outliers < 1:
            raise ConfigError(f"outliers is {self.outliers}; expected 0 or more, and below 1")
        if not 0 <= self.seed < 2**32:
            raise ConfigError(f"seed is {self.seed}; it must be at least 0 and below 2**32")
