"""Renders the frames of a strip that has no readable file, a few at a time, so that Blender stays responsive.

A timer calls `step`; in background mode the operator does. Finished frames stay: after a cancel, an error or a crash
the next start renders only the missing ones.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import bpy

from ..core import atomic
from ..core.errors import CutoutError, InputError, StoreError, StripError
from ..host import compat, contents, fingerprint, rendered_frames, storage, strip_source, strips
from ..host.frame_plan import FramePlan, plan
from ..scene import properties, track_lookup
from . import jobs

INTERVAL = 0.02
"""Seconds between steps, for Blender's window."""
_TICK = 0.15
"""Approximate seconds of rendering per step, during which the window does not respond."""
_MOST = 16
_MOST_BYTES = 1 << 30
"""Number of bytes of a picture."""


class FrameRender:
    """A render in progress.

    Attributes:
        track: uuid of the cutout.
        plan: what is rendered.
        part: folder of the frames until all are done.
        folder: final folder of the frames.
        todo: missing frames, counted from 0.
        batch: number of frames in the next step.
        note: a further message for the artist.
        rendered: number of frames rendered since `started`, a monotonic time.
    """

    def __init__(self, track: str, plan: FramePlan, part: Path, folder: Path) -> None:
        self.track, self.plan, self.part, self.folder = track, plan, part, folder
        self.todo: list[int] = []
        self.batch, self.rendered, self.note = 1, 0, ""
        self.started = time.monotonic()

    @property
    def done(self) -> int:
        """Returns the number of finished frames."""
        return self.plan.count - len(self.todo)


class FrameRenderer:
    """Renders frames, one job at a time; works only inside `start` and `step`."""

    def __init__(self) -> None:
        self.bake: FrameRender | None = None

    def start(self, scene: Any, track: Any, again: bool = False) -> FrameRender:
        """Starts rendering, or resumes an interrupted render.

        Args:
            scene: the cutout's scene.
            track: the cutout.
            again: render existing frames again.

        Raises:
            InputError: another one is under way.
            StripError: the strip cannot be cut out.
            StoreError: the disk is too full, or cannot be written.
        """
        if self.bake is not None:
            raise InputError("Frames are already being rendered.", "Wait, or cancel that first.")
        wanted = plan(scene, track)
        folder = storage.frames_folder(f"{track.strip_uuid[:8]}-{wanted.mark}-{wanted.offset}-{wanted.count}")
        made = FrameRender(track.uuid, wanted, folder.with_name(folder.name + ".part"), folder)
        if again or not (folder / rendered_frames.DONE).is_file():
            try:
                if again and atomic.is_folder(made.part):
                    contents.clear_part(made.part)
                made.part.parent.mkdir(parents=True, exist_ok=True)
                atomic.make_folder(made.part)
                there = contents.pictures(made.part)
            except OSError as error:
                raise StoreError(
                    f"The frames cannot be rendered into {made.part}: {error.strerror or error}",
                    "Check the folder's permissions, or save the project elsewhere.",
                ) from error
            made.todo = [n for n in range(wanted.count) if contents.picture_name(n) not in there]
            _check_space(made)
        self.bake = made
        return made

    def step(self) -> bool:
        """Renders a few frames; returns True while some are missing.

        Raises:
            CutoutError: it failed and has ended; what was rendered stays.
        """
        made = self.bake
        if made is None:
            return False
        found = properties.track_by_uuid(made.track)
        if found is None:  # undone, or removed
            self.bake = None
            return False
        try:
            if made.todo:
                self._render(made, *found)
            if not made.todo:
                self.bake = None
                _finish(made, *found)
        except BaseException:
            self.bake = None
            raise
        return self.bake is not None

    def cancel(self) -> bool:
        """Stops; returns True if a render was in progress. Finished frames stay."""
        stopped, self.bake = self.bake is not None, None
        return stopped

    def _render(self, made: FrameRender, scene: Any, track: Any) -> None:
        from ..host import frame_render

        place, wanted = strips.find(scene, track.strip_uuid, track.strip_name), made.plan
        first = round(compat.time_get(place.strip, "frame_start")) + wanted.offset
        now = (fingerprint.fingerprint_of(scene, place.strip), compat.span(place.strip))
        if now != (wanted.mark, (first, first + wanted.count)):
            contents.clear_part(made.part)
            raise StripError("The strip changed while its frames were being rendered.", "Press Render Frames again.")
        run = next((n for n in range(1, made.batch) if made.todo[n : n + 1] != [made.todo[0] + n]), made.batch)
        batch = [first + n for n in made.todo[:run]]
        before = time.monotonic()
        frame_render.render(scene, place, wanted.size, batch, first, made.part)
        took = time.monotonic() - before
        del made.todo[:run]
        made.rendered += run
        if took < _TICK / 2:
            made.batch = min(made.batch * 2, _MOST)
        elif took > _TICK:
            made.batch = max(1, made.batch // 2)


def _finish(made: FrameRender, scene: Any, track: Any) -> None:
    """Assigns the frames to the strip once all are done."""
    place, wanted = strips.find(scene, track.strip_uuid, track.strip_name), made.plan
    old = rendered_frames.rendered_frames_of(place.strip)
    target = storage.frames_folder(
        made.folder.name.removeprefix("frames-")
    )  # the .blend may have been saved for the first time meanwhile
    same = old is not None and (not made.part.exists() or _same_pictures(old, made))
    if made.part.exists():
        _put_in_place(made, target)
    record = rendered_frames.RenderedFrames(
        folder=storage.stored(target, bpy.data.filepath),
        count=wanted.count,
        width=wanted.size[0],
        height=wanted.size[1],
        offset=wanted.offset,
        mark=wanted.mark,
        output=wanted.output,
    )
    editor = strips.editor(scene)
    if compat.RATE_BY_CACHE and editor.use_cache_raw and strip_source.rate_matters(scene, place.strip):
        editor.use_cache_raw = False  # with this cache the frame that Blender shows depends on earlier ones
        made.note = " The sequencer's raw cache was switched off: with it Blender shows other frames."
    for other in strips.places(editor):
        if other.strip.get(strips.STRIP_KEY) == track.strip_uuid:
            rendered_frames.keep(other.strip, record)
    for fellow in [t for t in scene.cutout.tracks if t.strip_uuid == track.strip_uuid]:
        if not same and fellow.frame_count:
            track_lookup.begin_again(scene, fellow)
        jobs.queue.heads.pop(fellow.uuid, None)  # makes the engine reopen it with these frames
    made.track = track.uuid


def _put_in_place(made: FrameRender, target: Path) -> None:
    """Swaps in the finished frames atomically: readers see either the old or the new ones."""
    other = contents.foreign(target)
    if other:
        raise StoreError(
            f"{target} contains other files ({other}) and is not replaced.", "Move them away, and try again."
        )
    aside = atomic.unused_name(target)
    try:
        done = {"count": made.plan.count, "mark": made.plan.mark}
        atomic.write(made.part / rendered_frames.DONE, json.dumps(done).encode())
        if target.exists():
            os.rename(target, aside)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(str(made.part), str(target))
        shutil.rmtree(aside, ignore_errors=True)
    except OSError as error:
        raise StoreError(f"The frames cannot be put into {target}: {error.strerror or error}") from error


def _same_pictures(old: rendered_frames.RenderedFrames, made: FrameRender) -> bool:
    """Returns True if the new frames are byte-identical to the old ones."""
    if old.count != made.plan.count or old.offset != made.plan.offset:
        return False
    names = map(contents.picture_name, range(old.count))
    try:
        return all(_bytes(old.path / n) == _bytes(made.part / n) for n in names)
    except OSError:
        return False


def _bytes(picture: Path) -> bytes:
    return atomic.read_regular(picture, _MOST_BYTES)


def _check_space(made: FrameRender) -> None:
    """Raises StoreError if the disk cannot hold the missing frames."""
    free = shutil.disk_usage(made.part).free
    wanted = made.plan.bytes * len(made.todo) // max(1, made.plan.count)
    if wanted > free:
        raise StoreError(
            f"The frames need about {wanted / 1e6:.0f} MB, the disk has {free / 1e6:.0f} MB free: {made.part.parent}",
            "Free space on the disk, trim the strip, or save the project on another disk.",
        )


baker = FrameRenderer()


def begin(scene: Any, track: Any, again: bool = False) -> None:
    """Starts rendering the frames of a cutout's strip; the timer does the rest. Raises as `FrameRenderer.start`."""
    made = baker.start(scene, track, again)
    jobs.say("INFO", "")
    _show(made)
    if not bpy.app.background and not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=INTERVAL)


def announce(scene: Any, track: Any) -> None:
    """Shows why and how much must be rendered before the cutout can be used."""
    wanted = plan(scene, track)
    jobs.say("INFO", f"{wanted.reason} {wanted.cost_text()}", "Press Render Frames.")


def step() -> bool:
    """Renders a few frames and updates the status; returns True while frames are missing."""
    made = baker.bake
    try:
        busy = baker.step()
    except CutoutError as error:
        _hide()
        jobs.say("ERROR", error.text, error.hint)
        raise
    if busy and made is not None:
        _show(made)
    elif made is not None:
        _hide()
        _opened(made)
    return busy


def cancel() -> None:
    """Stops rendering. Finished frames stay."""
    if baker.cancel():
        jobs.say("INFO", "Rendering frames was cancelled.", "Finished frames stay; press Render Frames to continue.")
    _hide()


def close() -> None:
    """Ends the timer before another file loads or Blender exits."""
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    baker.cancel()
    if hasattr(bpy.types.WindowManager, "cutout"):
        _hide()


def _tick() -> float | None:
    try:
        return INTERVAL if step() else None
    except CutoutError:  # already reported
        return None


def _show(made: FrameRender) -> None:
    status, took = properties.status(), time.monotonic() - made.started
    status.frames_busy, status.frames_share = True, made.done / max(1, made.plan.count)
    status.frames_text = f"Rendering frames {made.done} of {made.plan.count}"
    if made.rendered and took > 0.5:
        rate = made.rendered / took
        status.frames_text += f", {rate:.1f} per second, {len(made.todo) / rate:.0f} s left"
    jobs.redraw("UI")


def _hide() -> None:
    status = properties.status()
    status.frames_busy, status.frames_text = False, ""
    jobs.redraw("UI")


def _opened(made: FrameRender) -> None:
    """Asks the engine to open the strip's frames."""
    found = properties.track_by_uuid(made.track)
    if found is None:
        return
    scene, track = found
    jobs.push_undo("Render Frames")
    try:
        jobs.submit(scene, track, "Opening the frames", then=lambda _: f"{made.plan.count} frames rendered.{made.note}")
    except CutoutError as error:
        jobs.say("ERROR", error.text, error.hint)
