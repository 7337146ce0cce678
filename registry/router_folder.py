"""A version's folder for queries alone, as sentence-transformers loads it: queries by the root, documents by a route of their own.

sentence-transformers knows no way to name a base without an adapter beside it, so the adapter of the documents' route is zero. What the
routes are stands in `base/router.py`.
"""

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

import torch

from ..base.head import FOLDER as HEAD
from ..base.json_files import read_json
from ..base.router import CONFIG as ROUTES
from ..base.router import DOCUMENT, ROUTER
from ..base.sentence_files import LENGTH_PATTERN, TOKENIZER_PATTERNS, modules_of, write_json, write_modules
from ..errors import AdapterError
from ..lora import CONFIG, WEIGHTS, LoraFile, LoraModule, lora_config, read_config, write_lora
from .router_notes import ROUTER_NOTES

README = "README.md"
SETTINGS = "config_sentence_transformers.json"

_README = """# An adapter for queries alone

Queries go through the base and this LoRA; documents have the vectors of the base, so a corpus that was embedded with
{base} is not embedded again.

```python
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("{folder}")
queries = model.encode_query(["..."])        # base and LoRA
documents = model.encode_document(["..."])   # the base alone, bit for bit
```

{notes}

# 只用于查询的适配器

查询经过基座模型和此 LoRA；文档使用基座模型 {base} 的向量，已有的索引无需重新编码。查询用 `encode_query`，文档用 `encode_document`。

{notes_zh}
"""


def write_routes(folder: Path) -> None:
    """Give an adapter's folder its two routes; the same folder gives the same bytes, and a second time the same files.

    Documents go through the base that the folder's `adapter_config.json` names. So this is called once that is written, and again when it
    comes to name another base.

    Args:
        folder: An adapter with what `write_sentence_files` writes.
    """
    route = folder / DOCUMENT
    shutil.rmtree(route, ignore_errors=True)
    route.mkdir()
    for pattern in (LENGTH_PATTERN, *TOKENIZER_PATTERNS):
        for file in sorted(folder.glob(pattern)):
            shutil.copyfile(file, route / file.name)
    _write_nothing(folder, route)
    write_modules(route, ("Transformer",))
    write_modules(folder, modules_of((folder / HEAD).is_dir(), first="Router"))
    write_json(folder / ROUTER, ROUTES)
    write_json(folder / SETTINGS, {"model_type": "SentenceTransformer"} | read_json(folder / SETTINGS))
    if not (folder / README).exists():
        (folder / README).write_text(describe_routes(folder), encoding="utf-8")


def describe_routes(folder: Path, name: str = "FOLDER") -> str:
    """Return what people must know of an adapter for queries alone, in English and Chinese, as Markdown.

    Args:
        folder: The adapter.
        name: How it is to be called where it is loaded.
    """
    prompt = (read_json(folder / SETTINGS).get("prompts") or {}).get("query")
    said = (f"Before each query goes {_as_code(prompt)}.",) if prompt else ()
    base = _as_code(read_config(folder).get("base_model_name_or_path") or "the base")
    notes, notes_zh = _as_list((*ROUTER_NOTES["en"], *said)), _as_list(ROUTER_NOTES["zh"])
    return _README.format(base=base, folder=name, notes=notes, notes_zh=notes_zh)


def _as_list(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def _as_code(text: str) -> str:
    """Return text of others as code in a line of Markdown, whatever signs stand in it."""
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    line = " ".join(text.splitlines())
    return f"{fence} {line} {fence}" if "`" in line else f"`{line}`"


def check_routes(folder: Path) -> None:
    """Refuse a folder of two routes whose documents do not have the vectors of the base.

    Raises:
        AdapterError: the route of documents is incomplete, has an adapter that changes something, or lies on another base.
    """
    route = folder / DOCUMENT
    if read_config(route).get("base_model_name_or_path") != read_config(folder).get("base_model_name_or_path"):
        raise AdapterError(
            f"{folder} sends queries and documents through different bases; adapt knows queries with a LoRA on the documents' base"
        )
    for name, module in LoraFile(route).items():
        if module.scale != 0 and bool(module.a.any()) and bool(module.b.any()):
            raise AdapterError(
                f"{route} changes {name}, and adapt knows no adapter with a LoRA for queries and another for documents; "
                "use its two parts as adapters of their own"
            )


def _write_nothing(folder: Path, route: Path) -> None:
    """Write an adapter that changes nothing, on the first module that the folder's own changes: x + 0 is x, bit for bit."""
    named = read_config(folder)
    name, (out, into) = next(iter(LoraFile(folder).matrices.items()))
    nothing = {name: LoraModule(torch.zeros(1, into), torch.zeros(out, 1), 1.0)}
    write_lora(nothing, route / WEIGHTS)
    write_json(route / CONFIG, lora_config(nothing, named.get("base_model_name_or_path"), named.get("revision")))
