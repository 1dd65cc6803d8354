"""What went wrong while many things were seen to, one after the other: one that fails stops none of the others."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from ..core.errors import CutoutError
from . import jobs

_log = logging.getLogger(__name__)
_MOST = 60
"""Characters of a name in a sentence."""


class Reports:
    """Collects what is wrong; it is shown once, at the end.

    Attributes:
        found: sentences, and what to do.
    """

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []

    @contextmanager
    def of(self, what: str) -> Iterator[None]:
        """Notes what goes wrong with something in the block, instead of raising it."""
        what = what[:_MOST]
        try:
            yield
        except CutoutError as error:
            self.found.append((f"{what}: {error.text}", error.hint))
        except OSError as error:
            self.found.append((f"{what}: {error}", "Check the disk, then save again."))
        except Exception as error:  # whatever a file holds, Blender goes on, and so do we with the rest
            _log.exception("%s", what)
            self.found.append((f"{what}: an unexpected error, {error!r}.", "Blender's console has the details."))

    def show(self) -> None:
        """Shows the first in the panel, and how many more there are."""
        if self.found:
            text, hint = self.found[0]
            more = len(self.found) - 1
            jobs.say("WARNING", text + (f" (And {more} more.)" if more else ""), hint)
