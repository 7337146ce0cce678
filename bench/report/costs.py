"""What a reference costs: how large its folder and its vectors are, and how fast it was where texts were really encoded."""

from collections.abc import Sequence
from dataclasses import dataclass

from ...encoders.protocol import Opened, Work
from ...references import Resolved
from ..run.models import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One reference.

    Attributes:
        reference: Its name.
        size: Bytes of all files of its folder; None for a base, which is not part of it.
        dimension: Of its vectors; None where it has none.
        encoded: How many texts were encoded in this run; 0: all vectors or scores were kept from an earlier one.
        texts_per_s: Of those texts; None where there were none.
    """

    reference: str
    size: int | None
    dimension: int | None
    encoded: int
    texts_per_s: float | None


def reference_costs(models: Sequence[Model], found: Sequence[Resolved]) -> list[Cost]:
    """Return what each model costs; its encoder has counted what it computed since it was opened for the bench."""
    folders = {resolved.reference: resolved.folder for resolved in found if resolved.kind != "base"}
    costs = []
    for model in models:
        work, folder = _work_of(model.encoder), folders.get(model.name)
        costs.append(
            Cost(
                reference=model.name,
                size=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) if folder else None,
                dimension=model.encoder.dimension,
                encoded=work.texts,
                texts_per_s=work.texts / work.seconds if work.seconds else None,
            )
        )
    return costs


def _work_of(opened: Opened) -> Work:
    """Return what was computed. Of several networks: texts that every one encoded, and the seconds of all for as many."""
    done = [network.work for network in opened.networks()]
    texts = min((each.texts for each in done), default=0)
    return Work(texts, sum(texts * each.seconds / each.texts for each in done) if texts else 0.0)
