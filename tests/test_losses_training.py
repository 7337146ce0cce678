"""Trainings with losses that read more than which passage answers which query: from the data to a registered version."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from adapt_embed.cli import main
from adapt_embed.data.pairs import TrainingData
from adapt_embed.registry import open_registry
from click.testing import CliRunner, Result

Train = Callable[..., Result]


@pytest.fixture
def lines(toy_data: TrainingData, tmp_path: Path) -> Callable[..., Path]:
    """Write the toy data's training pairs as lines, each with a negative and, where asked for, a teacher's scores."""

    def write(*, scores: bool) -> Path:
        passages, rows = sorted(toy_data.corpus), []
        for number, (qid, text) in enumerate(toy_data.train.queries.items()):
            positive = sorted(toy_data.train.positives[qid])
            negative = next(pid for pid in passages[number % len(passages) :] + passages if pid not in positive)
            row: dict[str, object] = {
                "query": text,
                "pos": [toy_data.corpus[pid] for pid in positive],
                "neg": [toy_data.corpus[negative]],
            }
            rows.append(row | ({"pos_scores": [0.9, 0.7], "neg_scores": [0.1]} if scores else {}))
        path = tmp_path / "lines.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return write


@pytest.fixture
def train(tiny_base: Path, home: Path) -> Train:
    """Run `adapt train` on the tiny base with a few settings."""
    quick = ["epochs=3", "batch_size=16", "learning_rate=1e-2", "rank=4", "max_tokens=16"]

    def run(data: Path, *settings: str, more: tuple[str, ...] = ()) -> Result:
        given = {"--domain": "legal", "--data": data, "--base": tiny_base, "--dtype": "fp32", "--registry": home}
        options = [str(part) for option in given.items() for part in option]
        return CliRunner().invoke(main, ["train", *options, *(part for each in (*quick, *settings) for part in ("--set", each)), *more])

    return run


@pytest.mark.parametrize("loss", ["triplet", "triplet_hard", "triplet_semi_hard", "contrastive", "cosent", "margin_mse", "distil"])
def test_a_loss_trains_a_version_from_lines(train: Train, lines: Callable[..., Path], home: Path, loss: str) -> None:
    result = train(lines(scores=True), f"loss={loss}", "epochs=6", more=("--json",))
    assert result.exit_code == 0, result.output
    losses = json.loads(result.stdout)["losses"]
    assert sum(losses[-3:]) < sum(losses[:3])
    (entry,) = open_registry(home).entries()
    assert entry.config["loss"] == loss
