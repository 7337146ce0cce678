"""What the user points at -> tasks: a folder or file of a known layout, a domain's sample."""

from collections.abc import Sequence
from pathlib import Path

from mteb.abstasks import AbsTask

from ..data.beir import BeirFolder, missing_parts
from ..data.candidates import has_candidates, read_candidates
from ..data.domains import load_domain
from ..data.flag_lines import is_flag_line
from ..data.lines_folder import CORPUS, LinesFolder, is_lines_folder
from ..data.readers import read_heading
from ..data.sample import sample_folder
from ..data.split_tables import split_table, tables_in
from ..errors import DataError
from ..files import check_there
from .pair_tasks import PAIR_TABLE, pair_heading
from .tasks.layouts import Source, TableLayout
from .tasks.local_names import local_name
from .tasks.notes import with_notes
from .tasks.reranking import reranking_task
from .tasks.retrieval import retrieval_task
from .tasks.table import TASK_KINDS

_BEIR_PARTS = 3
_ADVICE = {"hub": "; a domain's Hub sets are what is trained on: its MTEB tasks are scored with --domain D --set domain"}
"""What `adapt train --data` takes beside paths -> what to do instead."""


def task_from_folder(folder: Path, *, split: str, language: str, skip_dangling: bool = False) -> AbsTask:
    """Make a task of one split of a local folder or file.

    Args:
        folder: Where the data lie.
        split: The split that is scored.
        language: `en` or `zh`.
        skip_dangling: Of a BEIR folder, skip the judgements that name a query or a passage that is not there; the task's notes say how many.

    Raises:
        DataError: it is absent, of no known layout, or malformed.
    """
    if str(folder) in _ADVICE and not folder.exists():
        raise DataError(f"the data folder {folder} does not exist{_ADVICE[str(folder)]}")
    check_there(folder, "the data folder")
    if _holds_pair_lines(folder, split):
        return _lines_task(LinesFolder(folder), split, language)
    lacking = missing_parts(folder)
    if not lacking:
        return _beir_task(BeirFolder(folder, skip_dangling), split, language)
    if len(lacking) < _BEIR_PARTS:
        raise DataError(f"{folder} is not a complete BEIR folder: it lacks {', '.join(lacking)}")
    if not tables_in(folder):
        raise DataError(_no_layout(folder, split, language))
    table = split_table(folder, split=split, language=language)
    layout = _layout_of(table)
    return layout.read(Source(place=folder, table=table, name=local_name(folder, language), split=split, language=language))


def task_from_sample(domain: str, *, split: str, language: str) -> AbsTask:
    """Make a retrieval task of one split of a domain's sample; the domain is a name or a toml file.

    Raises:
        DomainError: the domain is unknown or its file is malformed.
        DataError: it has no sample in that language, or the sample has no such split.
    """
    name = load_domain(domain).sample
    if name is None:
        raise DataError(f"the domain {domain} has no sample; name data with --data DIR")
    folder = sample_folder(name, language)
    corpus = folder.corpus()
    return retrieval_task(f"sample-{name}-{language}", corpus, folder.pairs(split, corpus), language=language, split=split)


def make_tasks(folders: Sequence[Path], domains: Sequence[str], *, split: str, language: str, skip_dangling: bool = False) -> list[AbsTask]:
    """Make the tasks of local folders or files (see `task_from_folder`) and of domains' samples.

    Raises:
        DataError: one cannot be read.
    """
    local = [task_from_folder(folder, split=split, language=language, skip_dangling=skip_dangling) for folder in folders]
    return local + [task_from_sample(domain, split=split, language=language) for domain in domains]


def _holds_pair_lines(folder: Path, split: str) -> bool:
    """Return whether a folder holds pair lines and their corpus; without one, each table is a task by itself."""
    if not (is_lines_folder(folder) and (folder / CORPUS).is_file()):
        return False
    table = folder / f"{split}.jsonl"
    return is_flag_line(dict.fromkeys(read_heading(table if table.is_file() else folder / "train.jsonl")))


def _lines_task(folder: LinesFolder, split: str, language: str) -> AbsTask:
    data = folder.load(split)
    task = retrieval_task(local_name(folder.path, language), data.corpus, data.pairs[split], language=language, split=split)
    return with_notes(task, data.notes)


def _beir_task(folder: BeirFolder, split: str, language: str) -> AbsTask:
    name, data = local_name(folder.path, language), folder.load(split)
    pairs = data.pairs[split]
    if not has_candidates(folder.path):
        return with_notes(retrieval_task(name, data.corpus, pairs, language=language, split=split), data.notes)
    candidates, notes = read_candidates(folder, pairs, data.corpus)
    return with_notes(reranking_task(name, data.corpus, pairs, candidates, language=language, split=split), (*data.notes, *notes))


TABLE_LAYOUTS = (
    *(kind.table for kind in TASK_KINDS.values() if kind.table),
    PAIR_TABLE,
)
"""How a table is recognised; of several that fit, the first one counts."""


def _layout_of(table: Path) -> TableLayout:
    """Return the layout whose columns a table has; where a few are missing, the nearest, whose reader names them."""
    heading = pair_heading(table)
    shares = [layout.share(heading) for layout in TABLE_LAYOUTS]
    nearest = [layout for layout, share in zip(TABLE_LAYOUTS, shares, strict=True) if share == max(shares)]
    if max(shares) == 1 or (max(shares) > 0.5 and len(nearest) == 1):
        return nearest[0]
    found = ", ".join(sorted(heading)) or "none"
    raise DataError(f"{table} has the columns {found}; expected {_columns()}")


def _columns() -> str:
    return " or ".join(f"{', '.join(layout.columns)} ({layout.kind})" for layout in TABLE_LAYOUTS)


def _no_layout(folder: Path, split: str, language: str) -> str:
    return (
        f"{folder} is neither a BEIR folder (corpus.jsonl, queries.jsonl, qrels/{split}.tsv) nor one with a table "
        f"({split}.tsv or {language}-{split}.tsv with the columns {_columns()})"
    )
