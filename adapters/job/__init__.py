"""Training as a job: a request, everything that can be wrong with it found before the first step, the runs, and their outcome."""

from typing import TYPE_CHECKING

from ...lazy import lazily

if TYPE_CHECKING:
    from .job import TrainJob
    from .outcome import TrainedVersion, TrainOutcome
    from .plan import JobPlan
    from .prepare import prepare_training
    from .request import TrainRequest

__all__ = ["JobPlan", "TrainJob", "TrainOutcome", "TrainRequest", "TrainedVersion", "prepare_training"]
__getattr__ = lazily(
    __name__,
    {
        "JobPlan": "plan",
        "TrainJob": "job",
        "TrainOutcome": "outcome",
        "TrainRequest": "request",
        "TrainedVersion": "outcome",
        "prepare_training": "prepare",
    },
)
