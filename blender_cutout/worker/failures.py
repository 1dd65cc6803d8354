"""Turns any exception into the `Failed` event that the host shows."""

from __future__ import annotations

from ..core.errors import CutoutError, translate
from ..core.messages import Failed


def failed(job: str, error: BaseException) -> Failed:
    """Returns the event for an error."""
    known = translate(error)
    if known is not None:
        return Failed(job, known.code, known.text, known.hint)
    return Failed(
        job,
        CutoutError.__name__,
        f"Something unexpected went wrong ({type(error).__name__}: {error}).",
        "Finished work is kept. Try again; if it happens again, report it with the log.",
    )
