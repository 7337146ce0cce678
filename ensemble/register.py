"""An ensemble's folder, and its entry in the registry: a recipe, and the projection where one was fitted."""

from pathlib import Path

from ..encoders.protocol import Vectors
from ..errors import AdapterError
from ..registry import Entry, ParentRecord, Registry
from ..versions import library_versions
from .pca import Projection
from .recipe import PROJECTION, Recipe, write_recipe


def register_ensemble(
    registry: Registry,
    recipe: Recipe,
    name: str,
    *,
    domain: str | None = None,
    projection: Projection | None = None,
    fitted_on: dict[str, object] | None = None,
) -> Entry:
    """Write an ensemble's folder and enter it into the registry as a new version.

    Args:
        registry: Where it goes.
        recipe: What it is.
        name: Its name.
        domain: What it is for; None where its members differ.
        projection: What shortens its vectors, where the recipe has a `dim`.
        fitted_on: What is kept of the texts that the projection was fitted on.

    Raises:
        RegistryError: the registry cannot be written.
    """
    members = recipe.members
    first, models = members[0], sorted({member.base.sha256 for member in members if member.is_model})
    draft = Entry(
        kind="ensemble",
        side=recipe.side,
        name=name,
        domain=domain,
        bases=tuple(recipe.bases),
        pooling=first.pooling if all(member.pooling == first.pooling for member in members) else None,
        prompts=first.prompts if all(member.prompts == first.prompts for member in members) else {},
        method=recipe.mode,
        parents=tuple(ParentRecord(reference=member.reference, sha256=member.sha256, weight=member.weight) for member in members),
        config={"dimension": recipe.dimension, "libraries": library_versions("numpy")}
        | ({"models": models} if models else {})
        | ({"pca": {"dim": recipe.dim, "energy": projection.energy} | (fitted_on or {})} if projection else {}),
    )
    return registry.add(draft, lambda folder: _write(folder, recipe, projection))


def _write(folder: Path, recipe: Recipe, projection: Projection | None) -> None:
    from safetensors.numpy import save

    write_recipe(recipe, folder)
    if projection is not None:
        (folder / PROJECTION).write_bytes(save({"matrix": projection.matrix}))


def read_projection(folder: Path, recipe: Recipe) -> Vectors | None:
    """Read what shortens an ensemble's vectors, (whole, d); None where the recipe has no `dim`.

    Raises:
        AdapterError: it is absent or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    if recipe.dim is None:
        return None
    path, expected = folder / PROJECTION, (sum(member.dimension for member in recipe.members), recipe.dim)
    try:
        matrix: Vectors = load(path.read_bytes())["matrix"]
    except (OSError, SafetensorError, KeyError) as e:
        raise AdapterError(f"{path} is damaged ({e}); restore it from a copy, or make the ensemble again") from e
    if matrix.shape != expected:
        raise AdapterError(f"{path} is damaged: a matrix of shape {matrix.shape} where {expected} was written; make the ensemble again")
    return matrix
