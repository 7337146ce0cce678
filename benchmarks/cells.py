"""What the benchmarks of many cells share: the options that all of them have, and how a cell is kept."""

import argparse
import json
import os
from pathlib import Path

PROJECT = Path(__file__).parent.parent


def make_parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with `--shared` and `--report`."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path(os.environ.get("ADAPT_SHARED", "../shared")))
    parser.add_argument("--report", action="store_true")
    return parser


def write_cell(path: Path, cell: dict) -> None:
    """Write a cell as JSON, with no path of this machine in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(cell, indent=1).replace(f"{PROJECT}/", "") + "\n", encoding="utf-8")
