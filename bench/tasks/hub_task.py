"""One split of one subset of one of MTEB's tasks, before and after it is loaded: what every kind reads of it."""

from dataclasses import dataclass

from datasets import Dataset
from mteb.abstasks import AbsTask


@dataclass(frozen=True, slots=True, kw_only=True)
class HubTask:
    """A task to be loaded.

    Attributes:
        task: mteb's own, with what the bench adds to its kind.
        subset: mteb's name of the subset (`default` where there is but one).
        split: The split that is scored.
    """

    task: AbsTask
    subset: str
    split: str

    @property
    def name(self) -> str:
        """MTEB's name, and the subset behind it where the task has several."""
        name: str = self.task.metadata.name
        return f"{name} ({self.subset})" if self.task.metadata.is_multilingual else name

    @property
    def source(self) -> str:
        """The data set on the Hub that it reads."""
        path: str = self.task.metadata.dataset["path"]
        return path

    @property
    def language(self) -> str:
        """`zh` or `en`: which of the package's texts are most like its own."""
        codes = self.task.metadata.hf_subsets_to_langscripts[self.subset]
        return "zh" if any(code.split("-")[0] in ("zho", "cmn") for code in codes) else "en"

    def statistics(self, split: str | None = None) -> dict:
        """Return mteb's own statistics of a split (None: the scored one); empty where it has none."""
        of_split = (self.task.metadata.descriptive_stats or {}).get(split or self.split, {})
        found: dict = of_split.get("hf_subset_descriptive_stats", {self.subset: of_split}).get(self.subset, {})
        return found

    def splits(self) -> dict:
        """Return the splits of the subset, as mteb loaded them."""
        data: dict = self.task.dataset
        found: dict = data.get(self.subset, data)  # a task of one subset has its splits at once
        return found

    def columns(self, split: str, names: dict[str, str]) -> Dataset:
        """Return the columns of a loaded split that count, by their usual names.

        Args:
            split: Its name.
            names: The column's own name -> the usual one.

        Raises:
            KeyError: a column is missing.
        """
        table = self.splits()[split]
        if missing := [name for name in names if name not in table.column_names]:
            raise KeyError(f"no column {missing[0]} in {', '.join(table.column_names)}")
        return table.select_columns(list(names)).rename_columns({own: usual for own, usual in names.items() if own != usual})
