"""mteb's own result files: its layout, so that its tools and leaderboards read them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mteb import ResultCache
from mteb.models import ModelMeta
from mteb.results import TaskResult

from ..encoder import Searcher
from .entrants import Entrant
from .model import MtebModel, MtebSearcher


def write_mteb_files(folder: Path, entrants: Sequence[Entrant], results: Mapping[tuple[str, str], dict]) -> list[Path]:
    """Write `results/MODEL/REVISION/TASK.json` for each (task, reference), and `model_meta.json` beside them; return the tasks' files.

    Raises:
        OSError: the folder cannot be written.
    """
    cache, metas = ResultCache(folder), {entrant.name: _describe(entrant) for entrant in entrants}
    paths = []
    for (task, reference), result in results.items():
        cache.save_to_cache(TaskResult.from_dict(result), metas[reference])
        paths.append(cache.get_task_result_path(task, metas[reference]))
    return paths


def _describe(entrant: Entrant) -> ModelMeta:
    own = entrant.encoder
    seen = MtebSearcher(own, entrant.identity) if isinstance(own, Searcher) else MtebModel(own, entrant.identity)
    return seen.mteb_model_meta
