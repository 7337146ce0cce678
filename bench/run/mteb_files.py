"""mteb's own result files: its layout, so that its tools and leaderboards read them."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from mteb import ResultCache
from mteb.models import ModelMeta
from mteb.results import TaskResult

from ...errors import ConfigError
from ...files import write_file
from .models import Model
from .mteb_model import as_mteb_sees

_ADDED_TO = "run_settings.jsonl"


def write_mteb_files(folder: Path, models: Sequence[Model], results: Mapping[tuple[str, str], dict]) -> list[Path]:
    """Write `results/MODEL/REVISION/TASK.json` for each (task, reference), and `model_meta.json` beside them; return the tasks' files.

    mteb writes in place, and adds to some files; it does so beside, and each file then comes whole to where it belongs.

    Raises:
        ConfigError: the folder cannot be written.
    """
    metas = {model.name: _describe(model) for model in models}
    paths = []
    try:
        with TemporaryDirectory() as beside:
            cache = ResultCache(Path(beside))
            for (task, reference), result in results.items():
                written = cache.get_task_result_path(task, metas[reference])
                _fetch(folder / written.parent.relative_to(beside), written.parent)
                cache.save_to_cache(TaskResult.from_dict(result), metas[reference])
                paths.append(folder / written.relative_to(beside))
            for file in sorted(path for path in Path(beside).rglob("*") if path.is_file()):
                place = folder / file.relative_to(beside)
                Path(os.path.realpath(place.parent)).mkdir(parents=True, exist_ok=True)
                write_file(place, file.read_bytes())
    except OSError as e:
        raise ConfigError(f"{folder} cannot be written: {e.strerror or e}") from e
    return paths


def _fetch(there: Path, here: Path) -> None:
    """Copy what mteb adds to, the settings of earlier runs, where it is not here yet."""
    here.mkdir(parents=True, exist_ok=True)
    if (there / _ADDED_TO).is_file() and not (here / _ADDED_TO).exists():
        shutil.copyfile(there / _ADDED_TO, here / _ADDED_TO)


def _describe(model: Model) -> ModelMeta:
    return as_mteb_sees(model.encoder, model.identity).mteb_model_meta
