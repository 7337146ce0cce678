"""Processor time of short commands, two checkouts in turn: python benchmarks/start.py BEFORE AFTER [--runs N] -- encode base questions.txt

BEFORE and AFTER are checkouts of this repository, or one twice; both run under this interpreter. The command follows `--`. With
`--versions N`, it runs over a registry of N versions, ten of each name, every fifth with an alias: --versions 1000 -- list
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

CODE = "from adapt_embed.cli import main; main()"


def write_registry(home: Path, versions: int) -> None:
    """Write the index of a registry, as `adapt` reads it; there are no weights."""
    entries = [
        {
            "kind": "adapter",
            "name": f"name{number // 10}",
            "version": number % 10 + 1,
            "domain": "legal",
            "base": {"id": "BAAI/bge-small-en-v1.5", "sha256": "3" * 64, "name": "BAAI/bge-small-en-v1.5"},
            "scores": {"dev": {"metric": "nDCG@10", "before": 0.5, "after": 0.75}},
            "files": {f"file{each}": {"sha256": "4" * 64, "size": 10**6} for each in range(11)},
            "created": "2026-11-27T08:00:00+00:00",
        }
        for number in range(versions)
    ]
    aliases = {each["name"]: {"best": each["version"]} for each in entries[::5]}
    (home / "registry.json").write_text(json.dumps({"format": 1, "entries": entries, "aliases": aliases, "numbers": {}}), encoding="utf-8")


def processor_s(checkout: Path, command: list[str]) -> float:
    """Run `adapt` of one checkout; return the user and system time that the whole process took."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "adapt_embed").symlink_to(checkout.resolve())
        before = os.times()
        subprocess.run(
            [sys.executable, "-c", CODE, *command], env=os.environ | {"PYTHONPATH": folder}, stdout=subprocess.DEVNULL, check=True
        )
        after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def main() -> None:
    """Time the command in pairs, and print the medians and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkouts", nargs=2, type=Path, metavar="CHECKOUT")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("command", nargs="+")
    parser.add_argument("--versions", type=int, metavar="N")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        if given.versions:
            write_registry(Path(home), given.versions)
            os.environ["ADAPT_HOME"] = home
        pairs = [[processor_s(checkout, given.command) for checkout in given.checkouts] for _ in range(given.runs)]
    before, after = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"{before:.2f} s -> {after:.2f} s processor time, ratio {statistics.median(b / a for a, b in pairs):.2f}, {given.runs} pairs")


if __name__ == "__main__":
    main()
