"""The README of an exported model: what it was made of, what it is for, and how it is used."""

from __future__ import annotations

from ...references import Resolved
from ...registry import BaseRecord, base_record
from .whole import is_for_queries

QUERIES_ALONE = (
    "**For queries alone.** The adapter changes queries only: documents are embedded with the base, and the queries of this model are compared "
    "with those vectors. Do not embed documents with it."
)


def readme(resolved: Resolved, files: dict[str, str]) -> str:
    """Return the text of `README.md`.

    Args:
        resolved: What was exported.
        files: Path of a file with weights -> what is to be known of it.
    """
    base = _base(resolved)
    return "\n".join(
        [
            *_front_matter(base),
            f"# {_title(resolved)}",
            "",
            f"One model, written by `adapt export`: {_made_of(resolved)}{_added(resolved)}.",
            "",
            *([QUERIES_ALONE, ""] if is_for_queries(resolved) else []),
            *(f"- `{path}`: {what}" for path, what in files.items()),
            f"- base: {base.label}"
            + (f" at revision {base.revision}" if base.revision else "")
            + f", sha256 of its weights `{base.sha256}`",
            f"- pooling: {resolved.encoding.pooling}; vectors are scaled to length 1; at most {resolved.encoding.max_tokens} tokens",
            *(f"- before each {role}: {prompt!r}" for role, prompt in resolved.encoding.prompts.items() if prompt),
            "",
        ]
    )


def _added(resolved: Resolved) -> str:
    return "" if resolved.kind == "model" else ", its weights added to those of the base"


def _base(resolved: Resolved) -> BaseRecord:
    """Return the base, or what a whole model was made from."""
    return resolved.entry.bases[0] if resolved.kind == "model" and resolved.entry else base_record(resolved.base)


def _front_matter(base: BaseRecord) -> list[str]:
    of_base = [f"base_model: {base.id}", "base_model_relation: finetune"] if base.id else []
    return ["---", *of_base, "library_name: sentence-transformers", "pipeline_tag: sentence-similarity", "---", ""]


def _title(resolved: Resolved) -> str:
    return resolved.base.name if resolved.entry is None else f"{resolved.entry.reference} on {_base(resolved).label}"


def _made_of(resolved: Resolved) -> str:
    entry = resolved.entry
    if entry is None:
        return f"the {resolved.kind} {resolved.base.name}" if resolved.kind == "base" else f"a LoRA {resolved.kind}"
    domain = f" for the domain {entry.domain}" if entry.domain else ""
    parents = f" of {', '.join(parent.reference for parent in entry.parents)}" if entry.parents else ""
    return f"the {entry.kind} {entry.reference}{parents}{domain}"
