"""What the overlays share: Blender calls them for every region; one that fails draws no more, and the log says why."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import bpy

_log = logging.getLogger(__name__)


class DrawHandler:
    """Draws over a region of every sequencer, from `add` to `remove`.

    Each class defines `draw(context)`, and does what touches the graphics card in there inside `guarded`.

    Attributes:
        region: type of the region.
        what: what is not shown when drawing fails, for the log.
    """

    region = "PREVIEW"
    what = "This"

    def __init__(self) -> None:
        self._handle: Any = None
        self._broken = False

    def add(self) -> None:
        """Draws from now on; not without a window."""
        if self._handle is None and not bpy.app.background:
            self._handle = bpy.types.SpaceSequenceEditor.draw_handler_add(self._called, (), self.region, "POST_PIXEL")

    def remove(self) -> None:
        """Draws no more."""
        if self._handle is not None:
            bpy.types.SpaceSequenceEditor.draw_handler_remove(self._handle, self.region)
        self._handle, self._broken = None, False

    def draw(self, context: Any) -> None:
        """Draws over the region of the context."""
        raise NotImplementedError

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Ends all drawing where it fails inside: a driver that fails once would fail at every redraw."""
        try:
            yield
        except Exception:  # all that the gpu module raises; Blender would print it at every redraw
            self._broken = True
            _log.exception("%s cannot be shown", self.what)

    @property
    def is_broken(self) -> bool:
        """True after drawing failed."""
        return self._broken

    def _called(self) -> None:
        if not self._broken:
            self.draw(bpy.context)
