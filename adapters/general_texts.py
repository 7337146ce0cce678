"""The general texts that the anchor loss may be of: a file with one a line. No torch, so that what cannot be read is refused early."""

from __future__ import annotations

from pathlib import Path

from ..data.text_lines import read_text_lines
from ..errors import DataError
from .config import TrainConfig


def read_general_texts(config: TrainConfig) -> tuple[str, ...]:
    """Return the texts of the file that the anchor loss is of; nothing where none is named.

    Raises:
        DataError: it cannot be read, or holds no text.
    """
    if config.anchor_texts is None:
        return ()
    path = Path(config.anchor_texts).expanduser()
    texts = tuple(dict.fromkeys(line for line in read_text_lines(path) if line.strip()))
    if not texts:
        raise DataError(f"{path} holds only empty lines; expected one text a line")
    return texts
