"""What a search may try: points of weights and density, and the merge that each stands for."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ...errors import ConfigError
from ...lora import LoraFactors, LoraModule, factors_sha256
from ...registry.search_file import Point
from ..merge import Grams, MergeConfig, merge_factors
from ..methods import find_method

MAX_WEIGHT = 1.5  # of one parent: beyond, an update is stretched further than anything its training saw
LEAST_DENSITY = 0.05
_LEAST_CHANGE = 0.02  # of a weight or the density: a smaller one does not count as a step, or a search would shrink weights without end


class Candidates:
    """The parents of a merge and how they are merged, save for what is searched: the weights, and the density where the method reads it."""

    def __init__(
        self,
        parents: Sequence[Mapping[str, LoraModule]],
        names: Sequence[str],
        config: MergeConfig,
        grams: Sequence[Grams] | None = None,
    ) -> None:
        """Read the parents into memory: they are merged dozens of times.

        Args:
            parents: One or more.
            names: What to call them, in their order.
            config: Method, ranks and settings; its weights, where it has any, are one of the points that a search starts from.
            grams: Of each parent, for a method that needs them.

        Raises:
            ConfigError: there is no parent, or the weights are too many or too few.
        """
        if not parents:
            raise ConfigError("there is nothing to merge; name at least one adapter")
        config.resolved_weights(len(parents))
        self.parents: tuple[LoraFactors, ...] = tuple({name: parent[name] for name in parent} for parent in parents)
        self.names, self.base_config, self._grams = tuple(names), config, grams
        self._hashes = [factors_sha256(parent) for parent in self.parents]
        self.searches_density = "density" in find_method(config.method).settings

    def point(self, weights: Sequence[float], density: float | None = None) -> Point:
        """Return a point; density None is the configuration's own."""
        if not self.searches_density:
            return Point(tuple(weights))
        return Point(tuple(weights), self.base_config.settings.density if density is None else density)

    def config(self, point: Point) -> MergeConfig:
        """Return the configuration of a point."""
        settings = self.base_config.settings
        if point.density is not None:
            settings = replace(settings, density=point.density)
        return replace(self.base_config, weights=point.weights, settings=settings)

    def merge(self, point: Point) -> LoraFactors:
        """Return the merged factors of a point, at the ranks that the result will have."""
        return merge_factors(self.parents, self.config(point), self._grams, hashes=self._hashes).factors

    def alone(self, point: Point) -> LoraFactors | None:
        """Return the parent that a point stands for, where it has weight 1 and all others 0; None for any other point, and where the result is scaled."""
        ones = [row for row, weight in enumerate(point.weights) if weight]
        if len(ones) != 1 or point.weights[ones[0]] != 1 or self.base_config.with_base != 1:
            return None
        return self.parents[ones[0]]

    def check(self) -> None:
        """Merge once at the configuration's own weights, so that what cannot be merged is refused before anything is encoded.

        Raises:
            ConfigError: as `merge_factors`.
        """
        self.merge(self.own_point)

    @property
    def own_point(self) -> Point:
        """The point of the configuration: its weights, or 1/n each."""
        return self.point(self.base_config.resolved_weights(len(self.parents)))

    def neighbours(self, point: Point, step: float) -> list[Point]:
        """Return the points one step away: each weight up and down, all weights by a factor, the density up and down.

        The point itself stands where a step would leave no weight above 0 (that is the base, which needs no search), or, at the bounds of
        0 and `MAX_WEIGHT` and among small weights, would change too little.
        """
        moved = [
            (*point.weights[:row], point.weights[row] + change, *point.weights[row + 1 :])
            for row in range(len(point.weights))
            for change in (step, -step)
        ]
        if len(point.weights) > 1:
            moved += [tuple(weight * factor for weight in point.weights) for factor in (1 + step, 1 - step)]
        around = [Point(tuple(min(MAX_WEIGHT, max(0.0, weight)) for weight in weights), point.density) for weights in moved]
        if point.density is not None:
            around += [Point(point.weights, min(1.0, max(LEAST_DENSITY, point.density + change))) for change in (step, -step)]
        return [each if any(each.weights) and _distance(each, point) >= _LEAST_CHANGE else point for each in around]


def _distance(one: Point, other: Point) -> float:
    """Return the largest change of a weight or the density."""
    changes = [abs(x - y) for x, y in zip(one.weights, other.weights, strict=True)]
    if one.density is not None and other.density is not None:
        changes.append(abs(one.density - other.density))
    return max(changes)
