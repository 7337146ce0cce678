"""The process of one command: quick to start, and gone once everything is written."""

import atexit
import gc
import os
import sys
import threading

_OBJECTS_BETWEEN_COLLECTIONS = 200_000


def start() -> None:
    """Collect garbage seldom: importing torch and transformers makes hundreds of thousands of objects, none of them garbage."""
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, 20, 50)


def leave(code: int) -> None:
    """End the process with an exit code, without taking apart every module first, which costs a second after torch was imported.

    What was registered for the interpreter's end is run and the streams are flushed. Where a thread is at work that the interpreter
    would wait for, or a stream cannot be flushed, the interpreter ends by itself.
    """
    if "torch" not in sys.modules or any(not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()):
        sys.exit(code)
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        sys.exit(code or 1)
    os._exit(code)
