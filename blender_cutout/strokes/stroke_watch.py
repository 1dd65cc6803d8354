"""Finds the strokes that were just drawn. Reads annotations by their attributes only: no Blender here.

Blender has no event for the end of a stroke. It adds a stroke to its layer when the mouse button is released, so
polling is enough; as long as nothing changes, a look only counts strokes.
"""

from __future__ import annotations

from typing import Any

from .annotation_strokes import Drawn, drawn_on, layer_frames

_Mark = tuple[int, int, tuple[float, ...]]


class StrokeWatch:
    """Tells new strokes from those that were there at the first look.

    A stroke is fresh if it has a point that was never seen on its layer and frame. So strokes that an undo or redo
    brings back are not fresh, nor are the two pieces that the eraser leaves of one stroke.
    """

    def __init__(self) -> None:
        self._started = False
        self._marks: dict[tuple[str, int], _Mark] = {}
        self._points: set[tuple[str, int, float, float]] = set()
        self._fresh: dict[int, list[tuple[str, str]]] = {}

    def reset(self) -> None:
        """Forgets everything: the next look treats all strokes as old."""
        self.__init__()  # type: ignore[misc]

    def look(self, annotation: Any, owner: str = "") -> None:
        """Takes in what is drawn now (None = nothing); fresh strokes belong to `owner`.

        Raises:
            StrokeError: as `drawn_on`, but only once.
        """
        marks = {(name, frame.frame_number): _mark(frame) for name, frame in layer_frames(annotation)}
        changed = {key[1] for key, mark in marks.items() if mark[0] and self._marks.get(key) != mark}
        self._marks, started, self._started = marks, self._started, True
        for frame in changed:
            for stroke in drawn_on(annotation, frame):
                if self._is_new(stroke, frame) and started:
                    self._fresh.setdefault(frame, []).append((stroke.key, owner))

    def take(self, frame: int, owner: str = "") -> list[str]:
        """Returns the keys of an owner's fresh strokes on a timeline frame; they then stop being fresh."""
        found = self._fresh.pop(frame, [])
        others = [(key, name) for key, name in found if name != owner]
        if others:
            self._fresh[frame] = others
        return [key for key, name in found if name == owner]

    def drop(self) -> None:
        """Makes all strokes count as old."""
        self._fresh.clear()

    def mark(self, frame: int) -> tuple[Any, ...]:
        """Returns a value that changes with the strokes of a timeline frame."""
        return tuple((key, mark) for key, mark in self._marks.items() if key[1] == frame)

    def _is_new(self, stroke: Drawn, frame: int) -> bool:
        points = {(stroke.label.value, frame, round(x, 2), round(y, 2)) for x, y in stroke.points}
        known = points <= self._points
        self._points |= points
        return not known


def _mark(frame: Any) -> _Mark:
    """Returns a value that changes when a stroke is added or replaced."""
    count = len(frame.strokes)
    if not count:
        return 0, 0, ()
    points = frame.strokes[count - 1].points
    return count, len(points), tuple(points[len(points) - 1].co) if len(points) else ()
