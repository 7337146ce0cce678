"""What people must know of a folder for queries alone: one text, for the folder's own README and for the card that is published."""

from collections.abc import Mapping

from ..base.known import Language

ROUTER_NOTES: Mapping[Language, tuple[str, ...]] = {
    "en": (
        "`encode` without a task encodes documents. Tools that call nothing else embed queries with the base.",
        "`PeftModel.from_pretrained` reads the LoRA of the queries: put queries through it, and documents through the base.",
        "The base is in memory twice, once for each route. `token`, `revision` and `model_kwargs` reach the route of queries\n"
        "  alone: take HF_TOKEN, HF_HUB_OFFLINE and `model.half()`.",
        "sentence-transformers 6.2 or newer is needed; older ones were not tried.",
    ),
    "zh": (
        "不带任务的 `encode` 按文档编码；只会调用 `encode` 的工具因此用基座模型编码查询。",
        "`PeftModel.from_pretrained` 读取的是查询的 LoRA：只让查询经过它，文档直接用基座模型。",
        "在 sentence-transformers 中，基座模型在内存中有两份，每条路径一份。`token`、`revision` 和 `model_kwargs` 只传到查询路径：\n"
        "  请改用 HF_TOKEN、HF_HUB_OFFLINE 和 `model.half()`。",
        "需要 sentence-transformers 6.2 或更新的版本；更早的版本未经试用。",
    ),
}
"""Language -> notes, each one item of a list in Markdown."""
