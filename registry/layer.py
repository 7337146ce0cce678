"""One layer of the registry: an index and its version folders."""

import os
from dataclasses import dataclass
from pathlib import Path

from .entry import Entry
from .index import INDEX, Index, read_index


@dataclass(frozen=True, slots=True)
class Layer:
    """One index and the folder that holds its versions as NAME/VERSION."""

    index_path: Path
    folders: Path

    def index(self) -> Index:
        """Read the index."""
        return read_index(self.index_path)

    def folder(self, entry: Entry) -> Path:
        """Return where an entry of this layer lies."""
        return self.folders / entry.name / str(entry.version)


_PACKAGE = Path(__file__).resolve().parent.parent
BUILTIN = Layer(_PACKAGE / INDEX, _PACKAGE / "adapters" / "builtin")
NO_LAYER = Layer(BUILTIN.folders / "none" / INDEX, BUILTIN.folders / "none")
LEFT_OUT = "ADAPT_SHIPPED=0"
"""What a user sets to have the adapters that ship left out."""


def shipped_layer() -> Layer:
    """Return the layer of the adapters that ship; an empty one where the user has them left out."""
    name, value = LEFT_OUT.split("=")
    return NO_LAYER if os.environ.get(name) == value else BUILTIN
