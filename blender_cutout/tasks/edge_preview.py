"""Shows refined edges over the preview: the engine refines the masks in view, and the results are kept by settings.

One mask is requested at a time, always with the latest settings: values passed while dragging a slider are skipped.
Until the answer arrives, the last one for the same mask is shown, or the mask itself.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import bpy

from ..core.errors import CutoutError, WorkerDied
from ..geometry.mask_parts import small_copy
from ..scene import edge_settings, properties
from . import jobs

if TYPE_CHECKING:
    from ..client.job_queue import Outcome
    from ..core.edges.settings import EdgeSettings

_KEPT = 64
"""Maximum number of refined masks kept on disk."""
_AGAIN = 0.05
"""Seconds between attempts while the engine works on the cutout."""


class _Key(NamedTuple):
    """A refined mask: the cutout's uuid, the clip frame, the mask's file, whose name changes with it, the settings.

    `details`: `edge_settings.details_mark`, 0 when strokes of the Detail Brush do not matter.
    """

    track: str
    frame: int
    matte: str
    edge: EdgeSettings
    details: int = 0


class _Wish(NamedTuple):
    """A mask to refine and the file it goes to: full size, or only the small copy of a large mask."""

    key: _Key
    path: Path
    full: bool = False


class EdgePreviews:
    """The refined masks of the frames that were in view.

    Attributes:
        may_open: the engine may be started, and cutouts opened, only for this: the artist has moved a slider since the
            file was loaded. What a received file says must not be enough.
    """

    def __init__(self) -> None:
        self.may_open = False
        self._files: OrderedDict[_Key, Path | None] = OrderedDict()
        self._keys: dict[Path, _Key] = {}
        self._last: dict[tuple[str, int, str], Path] = {}
        self._wanted: dict[str, _Wish] = {}
        self._asked: _Wish | None = None
        self._no_more: set[Path] = set()
        self._opened: set[str] = set()
        self._numbers = count(1)

    @property
    def busy(self) -> bool:
        """Returns True while an answer is outstanding or a request is waiting."""
        return bool(self._wanted) or self._asked is not None

    def file(self, track: Any, frame: int, matte: Path) -> Path:
        """Returns the file to show for a clip frame's mask; asks for the refined one if there is none yet. Cheap."""
        edge = edge_settings.settings_now(track)
        if not edge.changes_alpha:
            return matte
        key = _Key(track.uuid, frame, str(matte), edge, edge_settings.details_mark(track) if edge.detail else 0)
        ready = self._files.get(key)
        if ready is not None:
            self._files.move_to_end(key)
            return ready
        if key not in self._files and (self._asked is None or self._asked.key != key):
            wish = self._wanted.get(track.uuid)
            if wish is None or wish.key != key:
                self._wish(_Wish(key, self._folder() / f"{next(self._numbers):06d}.png"))
        return self._last.get(key[:3], matte)

    def want_full(self, paths: Iterable[Path]) -> None:
        """Asks for full-size refined masks where only the small copies exist; ignores other files. Cheap."""
        for path in paths:
            key = self._keys.get(path)
            if key is None or path in self._no_more or key.track in self._wanted:
                continue
            if self._asked is None or self._asked.key.track != key.track:
                self._wish(_Wish(key, path, full=True))

    def step(self) -> None:
        """Sends the next request if the engine can take it now."""
        for uuid, wish in list(self._wanted.items()) if self._asked is None else ():
            found = properties.track_by_uuid(uuid)
            ready = found is not None and self._is_open(*found)
            if ready is not None:
                del self._wanted[uuid]
            if ready:
                self._ask(wish)
                return

    def close(self) -> None:
        """Forgets everything and removes the files; another file is about to be loaded."""
        if bpy.app.timers.is_registered(self._tick):
            bpy.app.timers.unregister(self._tick)
        for path in self._keys:
            _remove(path)
        for kept in (self._files, self._keys, self._last, self._wanted, self._no_more, self._opened):
            kept.clear()
        self.may_open, self._asked = False, None

    def slider_moved(self) -> None:
        """Allows the preview to start the engine: the artist has changed a setting."""
        self.may_open = True
        self._opened.clear()

    def _wish(self, wish: _Wish) -> None:
        self._wanted[wish.key.track] = wish
        if not bpy.app.background and not bpy.app.timers.is_registered(self._tick):
            bpy.app.timers.register(self._tick, first_interval=0.0)

    def _is_open(self, scene: Any, track: Any) -> bool | None:
        """Returns True if the engine holds the cutout as it is now, None if it soon will; opens it if it may."""
        if jobs.queue.running and jobs.queue.heads.get(track.uuid) == track.head:
            return True
        if jobs.queue.jobs:
            return None
        if not self.may_open or track.uuid in self._opened:
            return False
        self._opened.add(track.uuid)
        with suppress(CutoutError):  # the next button that needs the engine reports it
            jobs.submit(scene, track, "Opening the clip")
        return None

    def _ask(self, wish: _Wish) -> None:
        from ..core.messages import PreviewEdge

        key, path = wish.key, wish.path
        path.parent.mkdir(exist_ok=True)
        edge, found = key.edge.to_json(), properties.track_by_uuid(key.track)
        details = edge_settings.details(found[1]) if found and key.details else ()
        self._asked = wish
        sent = jobs.ask(
            key.track,
            lambda job: PreviewEdge(job, key.track, key.frame, str(path), edge, wish.full, details),
            self._answered,
        )
        if not sent:
            self._asked = None

    def _answered(self, outcome: Outcome) -> None:
        """Keeps a refined mask; a cancelled one is asked for again when it is next drawn."""
        from ..core.messages import Done, Failed

        if self._asked is None:
            return
        (key, path, full), self._asked = self._asked, None
        if full:
            if isinstance(outcome, Done | Failed):
                self._no_more.add(path)
        elif isinstance(outcome, Done):
            self._files[key] = self._last[key[:3]] = path
            self._keys[path] = key
        elif isinstance(outcome, Failed) and outcome.code != WorkerDied.__name__:
            self._files[key] = None
        while len(self._files) > _KEPT:
            old, gone = self._files.popitem(last=False)
            if gone is not None:
                _remove(gone)
                del self._keys[gone]
                self._no_more.discard(gone)
                if self._last.get(old[:3]) == gone:
                    del self._last[old[:3]]
        if isinstance(outcome, Done):
            self.step()

    @staticmethod
    def _folder() -> Path:
        return Path(bpy.app.tempdir) / "cutout edges"

    def _tick(self) -> float | None:
        """Timer callback: sends requests until none is waiting."""
        self.step()
        return _AGAIN if self.busy else None


def _remove(path: Path) -> None:
    for file in (path, small_copy(path)):
        with suppress(OSError):
            file.unlink(missing_ok=True)


previews = EdgePreviews()


def register() -> None:
    """Starts watching the sliders."""
    edge_settings.when_changed.append(previews.slider_moved)


def unregister() -> None:
    """Removes the files."""
    edge_settings.when_changed.clear()
    previews.close()
