"""Scores on MTEB's tasks as the Hub shows them beside a model and on a benchmark's page: a file `.eval_results/TASK.yaml` for each.

Sources: https://huggingface.co/docs/hub/eval-results; the ids of tasks, and scores in percent, are as mteb itself writes them
(`TaskResult._to_hf_benchmark_result` of mteb 2.26). A task on data of the user's own has no data set on the Hub, and so no file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ...errors import ConfigError
from .benched import Benched, TaskScore
from .mteb_tasks import MtebData

FOLDER = ".eval_results"
_NOT_OF_A_NAME = re.compile(r"[^\w.-]", re.ASCII)
_SOURCE = "https://github.com/embeddings-benchmark/mteb/"


def eval_result_files(bench: Benched | None, data: Mapping[str, MtebData]) -> dict[str, str]:
    """Return the files: path -> text. Each is read again and compared.

    Args:
        bench: The scores; None: there are none.
        data: Name of a task in the bench -> where its data lie on the Hub, for those of MTEB's.
    """
    if bench is None:
        return {}
    by_task: dict[str, list[tuple[TaskScore, MtebData]]] = {}
    for score in bench.scores:
        found = data.get(score.task)
        if found is not None and score.metric == found.metric:
            by_task.setdefault(found.task, []).append((score, found))
    return {f"{FOLDER}/{_NOT_OF_A_NAME.sub('_', task)}.yaml": _file(bench, scores) for task, scores in by_task.items()}


def _file(bench: Benched, scores: list[tuple[TaskScore, MtebData]]) -> str:
    import yaml
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml, parse_eval_result_entries

    entries = [
        EvalResultEntry(
            dataset_id=data.id,
            task_id=f"{data.task}_{data.subset}_{score.split}",
            dataset_revision=data.revision,
            value=round(score.after * 100, 5),
            source_url=_SOURCE,
            source_name=f"MTEB {bench.mteb_version}",
            notes=f"adapt-embed over mteb {bench.mteb_version}, {bench.precision}, at most {bench.max_tokens} tokens",
        )
        for score, data in scores
    ]
    text: str = yaml.safe_dump(eval_result_entries_to_yaml(entries), sort_keys=False, allow_unicode=True)
    if parse_eval_result_entries(yaml.safe_load(text)) != entries:
        raise ConfigError(f"the results of {scores[0][1].task} are not read back as they were written")
    return text
