"""Where the benchmarks keep their figures, and the options that they share.

A cell is what one training or one measurement gave: a JSON object with a name. The cells that are kept stand in one compressed file a
benchmark, `figures/NAME.jsonl.gz`, one `{"cell": name, "figures": {...}}` a line; those of a run in progress in `runs/cells/NAME/`, one file
each, which git ignores, so that a run that was stopped goes on where it was. `--fold` moves the finished ones into the compressed file.
"""

import argparse
import gzip
import json
import os
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PROJECT = HERE.parent


def make_shared_parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with `--shared`."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared = Path(os.environ.get("ADAPT_SHARED", "../shared"))
    parser.add_argument("--shared", type=Path, default=shared, help="the folder with bases/ and data/")
    return parser


def make_parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with `--shared`, `--report` and `--fold`."""
    parser = make_shared_parser(description)
    parser.add_argument("--report", action="store_true", help="print what is there, and run nothing")
    parser.add_argument("--fold", action="store_true", help="as --report, and first move finished cells into benchmarks/figures/")
    return parser


@dataclass(frozen=True)
class Cells:
    """The cells of one benchmark, by name. A cell in the work folder goes before the kept one of the same name."""

    benchmark: str
    home: Path = HERE

    @property
    def kept_file(self) -> Path:
        return self.home / "figures" / f"{self.benchmark}.jsonl.gz"

    @property
    def runs(self) -> Path:
        """Where the benchmark puts all but its figures: trained versions, registries, drawn data. Ignored by git."""
        return self.home / "runs" / self.benchmark

    @property
    def work_folder(self) -> Path:
        return self.home / "runs" / "cells" / self.benchmark

    def read(self) -> dict[str, dict]:
        """Return all cells in the order of their names."""
        found = self._kept() | {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in self._new()}
        return dict(sorted(found.items()))

    def write(self, name: str, cell: dict) -> None:
        """Write a cell into the work folder, whole or not at all, with no path of this machine in it."""
        path = self.work_folder / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(cell).replace(f"{PROJECT}/", "") + "\n", encoding="utf-8")
        part.replace(path)

    def fold(self) -> None:
        """Move the cells of the work folder into the compressed file; the same cells always give the same bytes."""
        new, cells = self._new(), self.read()
        if not new:
            return
        lines = (json.dumps({"cell": name, "figures": cell}, ensure_ascii=False, separators=(",", ":")) for name, cell in cells.items())
        part = self.kept_file.with_suffix(".part")
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode(), mtime=0))
        part.replace(self.kept_file)
        for path in new:
            path.unlink()

    def _kept(self) -> dict[str, dict]:
        if not self.kept_file.exists():
            return {}
        rows = (json.loads(line) for line in gzip.decompress(self.kept_file.read_bytes()).decode().splitlines())
        return {row["cell"]: row["figures"] for row in rows}

    def _new(self) -> list[Path]:
        return sorted(self.work_folder.glob("*.json"))
