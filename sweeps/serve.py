"""One of several processes on a sweep: what it is to do comes through stdin, whose end is the word to end."""

from __future__ import annotations

import _thread
import os
import pickle
import sys
import threading

from ..errors import AdaptError
from .prepare import prepare_sweep
from .request import SweepRequest


def serve() -> None:
    """Read what to do, and do it until there is nothing left or stdin ends."""
    size = int.from_bytes(sys.stdin.buffer.read(8), "big")
    request: SweepRequest = pickle.loads(sys.stdin.buffer.read(size))
    threading.Thread(target=_end_with_stdin, name="stdin", daemon=True).start()
    try:
        job = prepare_sweep(request)
        job.work(job.open_study())
    except AdaptError as e:
        print(e, file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def _end_with_stdin() -> None:
    """Interrupt the main thread when the process that started this one is gone, or says so."""
    while os.read(sys.stdin.fileno(), 1):  # not through the buffer, whose lock a thread must not hold when the process ends
        pass
    _thread.interrupt_main()
