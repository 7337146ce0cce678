"""A version onto the Hub: asked for (`request.py`), prepared with all that can be wrong with it (`prepare.py`), and sent in one commit (`job.py`)."""

from .job import PushJob
from .prepare import prepare_push
from .report import PushReport
from .request import PushRequest

__all__ = ["PushJob", "PushReport", "PushRequest", "prepare_push"]
