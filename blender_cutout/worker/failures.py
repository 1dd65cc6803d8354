"""Turns any exception into the `Failed` event that the host shows, without importing torch for its error types."""

from __future__ import annotations

import traceback

from ..core.errors import CutoutError, OutOfMemory, is_out_of_memory
from ..core.messages import Failed


def failed(job: str, error: BaseException) -> Failed:
    """Returns the event for an error: `text` and `hint` for the artist, the traceback for the log."""
    trace = "".join(traceback.format_exception(error))
    if isinstance(error, CutoutError):
        return Failed(job, error.code, error.text, error.hint, trace)
    if is_out_of_memory(error):
        return Failed(
            job,
            OutOfMemory.__name__,
            "The device does not have enough memory for this clip.",
            "Choose a smaller tier, or close other programs that use the graphics card.",
            trace,
        )
    return Failed(
        job,
        CutoutError.__name__,
        f"Something unexpected went wrong ({type(error).__name__}: {error}).",
        "Finished work is kept. Try again; if it happens again, report it with the log.",
        trace,
    )
