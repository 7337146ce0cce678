"""Ensembles: recipes over several members, which keep their own weights. Importing this package loads nothing heavy."""

from .modes import MODES, Mode, find_mode
from .recipe import (
    INSIDE,
    PROJECTION,
    RECIPE,
    Member,
    Recipe,
    changed_member,
    make_recipe,
    read_recipe,
    recipe_file,
    share_weights,
    write_recipe,
)

__all__ = [
    "INSIDE",
    "MODES",
    "PROJECTION",
    "RECIPE",
    "Member",
    "Mode",
    "Recipe",
    "changed_member",
    "find_mode",
    "make_recipe",
    "read_recipe",
    "recipe_file",
    "share_weights",
    "write_recipe",
]
