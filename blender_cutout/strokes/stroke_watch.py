"""Which strokes were just drawn. Reads annotations by their attributes only: no Blender here.

There is no event for the end of a stroke. Blender adds a stroke to its layer when the mouse lets go, so it is enough to
look now and then. A look takes no more than counting as long as nothing changed.
"""

from __future__ import annotations

from typing import Any

from .annotation_strokes import Drawn, drawn_on, layer_frames

_Mark = tuple[int, int, tuple[float, ...]]


class StrokeWatch:
    """Tells strokes that appear from those that were there at the first look.

    A stroke is fresh when it has a point that was never seen on its layer and frame: what an undo or a redo brings back
    is not, nor are the two pieces that the eraser leaves of one stroke.
    """

    def __init__(self) -> None:
        self._started = False
        self._marks: dict[tuple[str, int], _Mark] = {}
        self._points: set[tuple[str, int, float, float]] = set()
        self._fresh: dict[int, list[tuple[str, str]]] = {}

    def reset(self) -> None:
        """Forgets everything: all strokes of the next look count as old."""
        self.__init__()  # type: ignore[misc]

    def look(self, annotation: Any, owner: str = "") -> None:
        """Takes in what is drawn now (None = nothing); strokes that are fresh are `owner`'s.

        Raises:
            StrokeError: where `drawn_on` does, once.
        """
        marks = {(name, frame.frame_number): _mark(frame) for name, frame in layer_frames(annotation)}
        changed = {key[1] for key, mark in marks.items() if mark[0] and self._marks.get(key) != mark}
        self._marks, started, self._started = marks, self._started, True
        for frame in changed:
            for stroke in drawn_on(annotation, frame):
                if self._is_new(stroke, frame) and started:
                    self._fresh.setdefault(frame, []).append((stroke.key, owner))

    def take(self, frame: int, owner: str = "") -> list[str]:
        """The keys of an owner's fresh strokes of a timeline frame; they are fresh no more."""
        found = self._fresh.pop(frame, [])
        others = [(key, name) for key, name in found if name != owner]
        if others:
            self._fresh[frame] = others
        return [key for key, name in found if name == owner]

    def drop(self) -> None:
        """No stroke is fresh any more."""
        self._fresh.clear()

    def mark(self, frame: int) -> tuple[Any, ...]:
        """Changes when the strokes of a timeline frame do."""
        return tuple((key, mark) for key, mark in self._marks.items() if key[1] == frame)

    def _is_new(self, stroke: Drawn, frame: int) -> bool:
        points = {(stroke.label.value, frame, round(x, 2), round(y, 2)) for x, y in stroke.points}
        known = points <= self._points
        self._points |= points
        return not known


def _mark(frame: Any) -> _Mark:
    """What changes when a stroke is added or one is replaced by another."""
    count = len(frame.strokes)
    if not count:
        return 0, 0, ()
    points = frame.strokes[count - 1].points
    return count, len(points), tuple(points[len(points) - 1].co) if len(points) else ()
