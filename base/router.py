"""The two routes of a folder for queries alone, as sentence-transformers reads them: queries by the folder's root, documents by `document/`."""

from pathlib import Path

from ..choices import Side
from ..errors import BaseError
from .json_files import read_json

ROUTER = "router_config.json"
"""What sentence-transformers' Router reads."""

DOCUMENT = "document"
"""The folder of the route of documents: a model by itself, whose adapter changes nothing."""

CONFIG: dict[str, object] = {
    "types": {".": "sentence_transformers.models.Transformer", DOCUMENT: "sentence_transformers.SentenceTransformer"},
    "structure": {"query": ["."], "document": [DOCUMENT]},
    "parameters": {"default_route": "document", "allow_empty_key": False, "route_mappings": {}},
}
"""The routes. The folder's root is a Transformer, so that peft reads it as the LoRA that it is.

The route of documents is a SentenceTransformer: that alone is loaded from its own folder, where an adapter may lie; of a Transformer in a
subfolder, transformers looks for the base in a subfolder of the base as well.

Source: `Router.load` of https://github.com/UKPLab/sentence-transformers (v6.2.0).
"""


def read_side(folder: Path) -> Side:
    """Return which texts an adapter's folder changes, as its routes say: both, where it has none.

    Raises:
        BaseError: it has other routes than those that adapt writes.
    """
    config = read_json(folder / ROUTER)
    if not config:
        return "both"
    if config.get("structure") != CONFIG["structure"]:
        raise BaseError(
            f"{folder / ROUTER} has routes that adapt does not know; expected queries by the folder itself and documents by {DOCUMENT}/"
        )
    return "query"
