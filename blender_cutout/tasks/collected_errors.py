"""Collects errors while working through many items: one failure does not stop the others."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from ..core.errors import CutoutError
from . import jobs

_log = logging.getLogger(__name__)
_MOST = 60
"""Maximum characters of a name in a message."""


class CollectedErrors:
    """Collects errors, shown once at the end.

    Attributes:
        found: pairs of text and hint.
    """

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []

    @contextmanager
    def of(self, what: str) -> Iterator[None]:
        """Records errors in the block instead of raising them."""
        what = what[:_MOST]
        try:
            yield
        except CutoutError as error:
            self.found.append((f"{what}: {error.text}", error.hint))
        except OSError as error:
            self.found.append((f"{what}: {error}", "Check the disk, then save again."))
        except Exception as error:  # whatever is in the file, continue with the rest
            _log.exception("%s", what)
            self.found.append((f"{what}: unexpected error {error!r}.", "See Blender's console for details."))

    def show(self) -> None:
        """Shows the first error in the panel, and how many more there are."""
        if self.found:
            text, hint = self.found[0]
            more = len(self.found) - 1
            jobs.say("WARNING", text + (f" (And {more} more.)" if more else ""), hint)
