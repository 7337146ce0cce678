"""How many tokens a network takes: its table of positions, less the rows that no text reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

NO_POSITIONS = 10**9
"""The length of a network that has no table of positions, or one that does not end."""

_AFTER_PADDING = frozenset(
    [
        "camembert",
        "data2vec-text",
        "ibert",
        "lilt",
        "longformer",
        "luke",
        "markuplm",
        "mpnet",
        "roberta",
        "roberta-prelayernorm",
        "xlm-roberta",
        "xlm-roberta-xl",
        "xmod",
    ]
)
"""Kinds of network that number the tokens of a text from behind the padding token's id."""


def read_positions(config: dict) -> int:
    """Return the longest input in tokens as `config.json` states it.

    Networks of RoBERTa's kind lose the positions up to the padding id. `count_positions` says the same of a network that is loaded,
    whatever its kind.
    """
    positions = config.get("max_position_embeddings") or config.get("n_positions") or 512
    if not isinstance(positions, int) or positions < 1:
        return NO_POSITIONS  # XLNet states -1
    if config.get("model_type") in _AFTER_PADDING:
        padding_id = config.get("pad_token_id")
        positions -= (1 if padding_id is None else int(padding_id)) + 1
    return positions


def count_positions(model: nn.Module) -> int:
    """Return the longest input that a network's own table of positions has rows for.

    A table with a padding row is counted from behind it: that is where networks of RoBERTa's kind begin.
    """
    from torch import nn

    tables = [module for name, module in model.named_modules() if isinstance(module, nn.Embedding) and _is_of_positions(name)]
    return min((_reachable(table) for table in tables), default=NO_POSITIONS)


def _is_of_positions(name: str) -> bool:
    own = name.rsplit(".", 1)[-1]
    return own in ("position_embeddings", "position_embedding", "embed_positions", "wpe")


def _reachable(table: nn.Embedding) -> int:
    return int(table.num_embeddings) - (0 if table.padding_idx is None else int(table.padding_idx) + 1)
