"""The curve of a run: a line for each step that survives a kill, and the page that shows curves of any run or version."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from adapt_embed.adapters import Checkpoint, TrainConfig, train_adapter
from adapt_embed.base import load_base, resolve_base
from adapt_embed.cli import main, training_bar
from adapt_embed.data.pairs import TrainingData
from adapt_embed.events import Step
from adapt_embed.registry.curve_file import CurvePoint, append_points, read_curve
from adapt_embed.registry.runs import curve_of
from click.testing import CliRunner, Result

CONFIG = TrainConfig(epochs=2, batch_size=16, learning_rate=5e-3, rank=2, max_tokens=16, precision="fp32", eval_steps=2)
STEPS = 8
EVIL = "<script>window.pwned = 1</script>"


class Killed(BaseException):
    """Stands for a kill: nothing in the package may catch it."""


@pytest.fixture
def run(tiny_base: Path, toy_data: TrainingData, tmp_path: Path) -> Callable[..., list[CurvePoint]]:
    """Train, killed after a step where one is named, and return the curve."""
    folder = tmp_path / "runs" / "abc"

    def train(kill: int | None = None, *, resume: bool = False, every_s: float = 0.0) -> list[CurvePoint]:
        def stop(at: Step) -> None:
            if at.step == kill:
                raise Killed

        base = load_base(resolve_base(str(tiny_base)))
        try:
            train_adapter(base, toy_data, CONFIG, checkpoint=Checkpoint(folder, every_s=every_s), resume=resume, on_step=stop)
        except Killed:
            assert kill is not None
        return read_curve(curve_of(folder))

    return train


def adapt(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_each_step_is_a_line_with_loss_rate_and_what_dev_said_then(run: Callable[..., list[CurvePoint]]) -> None:
    points = run()
    assert [point.step for point in points] == list(range(STEPS + 1))
    assert [point.step for point in points if point.dev is not None] == [0, 2, 4, 6, 8]
    assert all(point.loss and point.rate is not None and point.time and point.pairs_per_s for point in points[1:])
    assert max(point.rate or 0 for point in points) == pytest.approx(CONFIG.learning_rate)
    assert {point.metric for point in points if point.dev is not None} == {"nDCG@10"}


def test_a_run_that_goes_on_has_each_step_once_and_the_curve_of_one_that_was_not_killed(run: Callable[..., list[CurvePoint]]) -> None:
    assert [point.step for point in run(5, every_s=1000)] == [0, 1, 2, 3, 4, 5]  # its state is that of step 0
    points = run(6, resume=True)
    assert [point.step for point in points] == [0, 1, 2, 3, 4, 5, 6]
    resumed = run(resume=True)
    whole = run()
    assert [(each.step, each.loss, each.rate, each.dev) for each in resumed] == [
        (each.step, each.loss, each.rate, each.dev) for each in whole
    ]


def test_the_curve_of_a_spared_state_stays_until_the_state_is_replaced(run: Callable[..., list[CurvePoint]]) -> None:
    before = run(7)
    assert run(3, every_s=1000) == before
    assert [point.step for point in run(3)] == [0, 1, 2, 3]


def test_a_line_that_a_kill_cut_short_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    append_points(path, [CurvePoint(step=1, loss=2.0), CurvePoint(step=2, loss=1.0, dev=0.5, metric="nDCG@10", beside={"医院 R@10": 0.25})])
    with path.open("a", encoding="utf-8") as file:
        file.write('{"step": 3, "lo')
    assert [point.step for point in read_curve(path)] == [1, 2]
    assert read_curve(path)[1].beside == {"医院 R@10": 0.25}
    path.write_text('[1]\n{"step": "x"}\n{"step": 1, "loss": "2"}\n{"step": 1, "unknown": 2}\n{"step": 4}\n')
    assert [point.step for point in read_curve(path)] == [4]


@pytest.fixture
def interrupted(train: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, home: Path) -> str:
    """A run named 法律 that Ctrl-C stopped after five steps; its id."""

    def stop(at: Step) -> None:
        if at.step == 5:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training_bar, "_lines", lambda: stop)
        assert train("--name", "法律").exit_code == 130
    return next((home / "runs").glob("*.curve.jsonl")).name.split(".")[0]


def test_a_page_shows_versions_and_interrupted_runs_side_by_side(
    train: Callable[..., Result], interrupted: str, home: Path, tmp_path: Path
) -> None:
    assert train("--name", "law", "--set", "rank=2").exit_code == 0
    page = tmp_path / "曲线.html"
    result = adapt("runs", "--registry", home, "--html", page, "law@1", interrupted[:6], "--json")
    assert [(each["name"], each["state"], each["steps"]) for each in json.loads(result.stdout)["curves"]] == [
        ("law@1", "finished", 12),
        (f"法律 {interrupted[:8]}", "interrupted", 5),
    ]
    text = page.read_text(encoding="utf-8")
    assert text.count("<svg") >= 4  # loss, dev, rate, speed
    assert "5 / 12" in text
    assert "<td" in text[text.index('id="settings"') :]
    assert "http" not in text.replace("http-equiv", "").replace("http://www.w3.org", "")
    assert adapt("runs", "law@1", "--registry", home, "--html", page, "--html-lang", "zh").exit_code == 0
    assert "训练曲线" in page.read_text(encoding="utf-8")


def test_without_names_a_page_is_of_all_runs_that_are_there_and_a_wrong_name_lists_them(
    interrupted: str, home: Path, tmp_path: Path
) -> None:
    page = tmp_path / "curves.html"
    assert adapt("runs", "--registry", home, "--html", page).exit_code == 0
    assert "法律" in page.read_text(encoding="utf-8")
    wrong = adapt("runs", "--registry", home, "--html", page, "nope")
    assert (wrong.exit_code, wrong.stderr.count("\n")) == (1, 1)
    assert interrupted in wrong.stderr
    assert adapt("runs", "rm", interrupted, "--registry", home).exit_code == 0
    assert list((home / "runs").iterdir()) == []
    assert "no run is under way" in adapt("runs", "--registry", home, "--html", page).stderr
    assert "No such command" in adapt("runs", "nope", "--registry", home).stderr


def test_texts_of_the_users_do_not_run_in_the_page(home: Path, tmp_path: Path) -> None:
    folder = home / "runs" / "abc"
    folder.mkdir(parents=True)
    (folder / "state.pt").write_bytes(b"")
    (home / "runs" / "abc.json").write_text(json.dumps({"name": EVIL, "data": EVIL, "config": {EVIL: EVIL}}), encoding="utf-8")
    append_points(curve_of(folder), [CurvePoint(step=1, loss=1.0, dev=0.5, metric=EVIL, beside={EVIL: 0.1})])
    page = tmp_path / "c.html"
    assert adapt("runs", "--registry", home, "--html", page).exit_code == 0
    assert EVIL not in page.read_text(encoding="utf-8")
    assert page.read_text(encoding="utf-8").count("&lt;script&gt;") > 3


def test_tensorboard_gets_each_step_and_a_score_where_there_is_one(train: Callable[..., Result], tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", reason="needs tensorboard")
    assert train("--tensorboard", tmp_path / "tb").exit_code == 0
    (folder,) = (tmp_path / "tb").iterdir()
    read = accumulator.EventAccumulator(str(folder))
    read.Reload()
    assert [each.step for each in read.Scalars("loss")] == list(range(1, 13))
    assert [each.step for each in read.Scalars("dev/nDCG@10")] == [4, 8, 12]
    assert max(each.value for each in read.Scalars("rate")) == pytest.approx(1e-2)
