"""Registers an overlay's draw callback; an overlay that fails stops drawing and logs why."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import bpy

_log = logging.getLogger(__name__)


class DrawHandler(ABC):
    """Draws over a region of every sequencer, from `add` to `remove`.

    Subclasses define `draw(context)` and wrap every GPU call in it in `guarded`.

    Attributes:
        region: region type.
        what: name of the overlay, for the log when drawing fails.
    """

    region = "PREVIEW"
    what = "This"

    def __init__(self) -> None:
        self._handle: Any = None
        self._broken = False

    def add(self) -> None:
        """Starts drawing; does nothing in background mode."""
        if self._handle is None and not bpy.app.background:
            self._handle = bpy.types.SpaceSequenceEditor.draw_handler_add(self._called, (), self.region, "POST_PIXEL")

    def remove(self) -> None:
        """Stops drawing."""
        if self._handle is not None:
            bpy.types.SpaceSequenceEditor.draw_handler_remove(self._handle, self.region)
        self._handle, self._broken = None, False

    @abstractmethod
    def draw(self, context: Any) -> None:
        """Draws over the context's region."""

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Stops this overlay for good on any error: a driver that fails once would fail at every redraw."""
        try:
            yield
        except Exception:  # whatever the gpu module raises; Blender would print it at every redraw
            self._broken = True
            _log.exception("%s cannot be shown", self.what)

    @property
    def is_broken(self) -> bool:
        """Returns True once drawing has failed."""
        return self._broken

    def _called(self) -> None:
        if not self._broken:
            self.draw(bpy.context)
