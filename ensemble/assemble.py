"""Members that are loaded -> the ensemble that a recipe makes of them."""

from collections.abc import Sequence

from ..encoders.protocol import NetworkEncoder, Vectors
from .encoders import EnsembleEncoder
from .modes import find_mode
from .recipe import Recipe
from .searchers import EnsembleSearcher


def assemble(recipe: Recipe, members: Sequence[NetworkEncoder], projection: Vectors | None = None) -> EnsembleEncoder | EnsembleSearcher:
    """Return the encoder, or for a mode that has no vectors the searcher.

    Args:
        recipe: Mode and weights.
        members: As many as the recipe has, in its order.
        projection: What shortens the vectors, (whole, d); None: they stay whole.
    """
    if not find_mode(recipe.mode).has_vectors:
        return EnsembleSearcher(recipe.mode, tuple(members), recipe.weights)
    return EnsembleEncoder(recipe.mode, tuple(members), recipe.weights, projection=projection)
