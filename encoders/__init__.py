"""Texts and a role -> vectors: what an encoder is (`protocol.py`), and the one that runs a network with an adapter over it (`lora.py`).

Importing this package loads neither torch nor numpy: its names are imported when they are asked for.
"""

from typing import TYPE_CHECKING

from ..lazy import lazily

if TYPE_CHECKING:
    from .lora import LoraEncoder
    from .mixed import MixedEncoder
    from .protocol import Encoded, Encoder, NetworkEncoder, Opened, Ranked, Searcher, Vectors, is_searcher
    from .together import encode_each

__all__ = [
    "Encoded",
    "Encoder",
    "LoraEncoder",
    "MixedEncoder",
    "NetworkEncoder",
    "Opened",
    "Ranked",
    "Searcher",
    "Vectors",
    "encode_each",
    "is_searcher",
]

_PROTOCOL = ("Encoded", "Encoder", "NetworkEncoder", "Opened", "Ranked", "Searcher", "Vectors", "is_searcher")

__getattr__ = lazily(
    __name__, dict.fromkeys(_PROTOCOL, "protocol") | {"LoraEncoder": "lora", "MixedEncoder": "mixed", "encode_each": "together"}
)
