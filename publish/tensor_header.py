"""What stands before the tensors of a safetensors file: names, shapes, and notes of whoever wrote it.

Source: the format, https://github.com/huggingface/safetensors#format: 8 bytes of length, JSON, then the tensors.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_LONGEST = 100_000_000
"""The format's own limit, in bytes."""


def read_header(file: Path) -> dict[str, Any] | None:
    """Return the header as JSON has it; None where the file is not a safetensors file."""
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        if not 2 <= length <= min(_LONGEST, file.stat().st_size - 8):
            return None
        try:
            header = json.loads(opened.read(length))
        except (ValueError, RecursionError):
            return None
    return header if isinstance(header, dict) else None


def with_metadata(file: Path, metadata: dict[str, str]) -> bytes:
    """Return the file's content with other notes in its header; the tensors are as they were, byte for byte."""
    header = read_header(file)
    assert header is not None
    content = file.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    text = json.dumps(header | {"__metadata__": metadata}, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # so that the tensors stay aligned
    return len(text).to_bytes(8, "little") + text + content[start:]
