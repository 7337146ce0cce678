"""Each step of a run as TensorBoard reads it. The package is optional."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

from ...errors import MissingExtraError, TrainingError
from ...events import Step
from ...files import check_output_folder


def check_tensorboard(folder: Path) -> None:
    """Refuse what could not be written.

    Raises:
        MissingExtraError: TensorBoard is not installed.
        ConfigError: the folder cannot be written.
    """
    if find_spec("tensorboard") is None:
        raise MissingExtraError("--tensorboard", "tensorboard")
    check_output_folder(folder)


@contextmanager
def written_steps(folder: Path | None, run: str, on_step: Callable[[Step], None]) -> Iterator[Callable[[Step], None]]:
    """Give what is told of each step, which writes it for TensorBoard and hands it on.

    Args:
        folder: Gets a folder for the run; None: nothing is written.
        run: What the run is called.
        on_step: Told of each step as well.

    Raises:
        TrainingError: the folder cannot be written.
    """
    if folder is None:
        yield on_step
        return
    with ExitStack() as stack:
        yield _writing(folder / run, on_step, stack)


def _writing(folder: Path, on_step: Callable[[Step], None], stack: ExitStack) -> Callable[[Step], None]:
    writer = None

    def step(at: Step) -> None:
        nonlocal writer
        try:
            if writer is None:  # what an interrupted run wrote from this step on does not count
                from torch.utils.tensorboard import SummaryWriter

                writer = stack.enter_context(SummaryWriter(str(folder), purge_step=at.step, flush_secs=10))
            for name, value in _scalars(at).items():
                writer.add_scalar(name, value, at.step)
        except OSError as e:
            raise TrainingError(
                f"{folder} cannot be written for TensorBoard ({e.strerror or e}); make room, and go on with --resume"
            ) from e
        on_step(at)

    return step


def _scalars(at: Step) -> Mapping[str, float]:
    scores = {
        **({f"dev/{at.metric}": at.dev} if at.dev is not None else {}),
        **{f"beside/{name}": score for name, score in at.beside.items()},
    }
    return {"loss": at.loss, "rate": at.rate, "pairs_per_s": at.pairs_per_s, **(scores if at.is_evaluated else {})}
