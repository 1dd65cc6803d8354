"""Draws marks on timeline strips: which frames of a cutout have a mask, are in doubt, are locked, have strokes.

Draws only from what the panel knows: no file is read and nothing is added to the .blend. `geometry/timeline_marks.py`
defines the shapes. A clip with several objects shows the active one.
"""

# No `from __future__ import annotations`: see CONTRIBUTING.md.

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from ..core.errors import CutoutError
from ..geometry import mask_looks, timeline_marks
from ..geometry.timeline_marks import Lane, Marks, Run
from ..host import compat, kept, strips
from ..scene import doubt, properties
from ..tasks import jobs
from .draw_handler import DrawHandler

_BOTTOM, _TOP = 0.05, 0.95
"""Bottom and top of a strip within its channel."""


class Timeline(DrawHandler):
    """Draws marks over the timelines."""

    region = "WINDOW"
    what = "The marks in the timeline"

    def draw(self, context: Any) -> None:
        """Draws the marks of all clips."""
        scene, space = compat.sequencer_scene(context), context.space_data
        if scene is not None and scene.cutout.show_marks and space.show_overlays:
            with self.guarded():
                _paint(scene, context.region, context.preferences.system.ui_scale)


def marked(scene: Any) -> Iterator[tuple[Any, Any, Run, Marks]]:
    """Yields (cutout, strip, its timeline frames, its marks) for every visible strip, copies and split parts too."""
    for track in _one_of_each_clip(scene):
        try:
            found = _marks(track, scene.cutout.doubt_below)
            strip = strips.find(scene, track.strip_uuid, track.strip_name).strip
            for place in strips.pieces(scene, strip):
                if strips.is_open(scene, place):
                    times = strips.time_map(scene, place.strip, track.frame_count, alone=True)
                    yield track, place.strip, (times.left, times.right), timeline_marks.on_timeline(found, times)
        except CutoutError:  # the strip is gone or cannot be mapped: the panel says so when it matters
            continue


def _one_of_each_clip(scene: Any) -> list[Any]:
    """Returns one cutout per strip: the active one, otherwise the first."""
    data = scene.cutout
    found = {track.strip_uuid: track for track in reversed(data.tracks) if track.frame_count}
    if len(data.tracks) and (active := properties.active_track(scene)).frame_count:
        found[active.strip_uuid] = active
    return list(found.values())


def _marks(track: Any, below: float) -> Marks:
    texts = track.mattes, track.confidence, track.locks, track.absences, track.drawn, track.rejected
    return _marks_of(*texts, track.frame_count, below, jobs.under_way(track))


@lru_cache(maxsize=16)
def _marks_of(
    mattes: str,
    confidence: str,
    locks: str,
    absences: str,
    drawn: str,
    rejected: str,
    count: int,
    below: float,
    more: frozenset[int],
) -> Marks:
    """Returns the marks of a cutout's text properties; cached, because every redraw needs them."""
    done = {frame for start, stop, _ in kept.mattes(mattes, count) for frame in range(start, stop)}
    # Frames being propagated again are not judged yet.
    doubtful = [frame for frame in doubt.doubtful(confidence, below) if frame not in more]
    return Marks(
        done=timeline_marks.runs_of(sorted(done.union(more))),
        doubtful=timeline_marks.runs_of(doubtful),
        locked=timeline_marks.runs_of(sorted(kept.frames(locks, count) - kept.frames(absences, count))),
        absent=kept.ranges(absences, count),
        drawn=kept.numbers(drawn, count),
        rejected=kept.ranges(rejected, count),
    )


def _paint(scene: Any, region: Any, scale: float) -> None:
    places: list[timeline_marks.Corner] = []
    colours: list[timeline_marks.Colour] = []
    # Not `view_to_region`, which rounds.
    (x0, y0), (x1, y1) = (region.view2d.region_to_view(*at) for at in ((0, 0), (region.width, region.height)))
    if x1 <= x0 or y1 <= y0:  # a collapsed region
        return
    wide, high = region.width / (x1 - x0), region.height / (y1 - y0)
    for track, strip, span, shown in marked(scene):
        bottom, top = ((strip.channel + part - y0) * high for part in (_BOTTOM, _TOP))
        lane = Lane(-x0 * wide, wide, bottom, top, region.width, scale)
        more = timeline_marks.triangles(timeline_marks.shapes(shown, span, lane, mask_looks.on_screen(track.colour)))
        places += more[0]
        colours += more[1]
    if places:
        _fill(places, colours)


def _fill(places: list[timeline_marks.Corner], colours: list[timeline_marks.Colour]) -> None:
    import gpu
    from gpu_extras.batch import batch_for_shader

    shader = gpu.shader.from_builtin("SMOOTH_COLOR")
    batch = batch_for_shader(shader, "TRIS", {"pos": places, "color": colours})
    gpu.state.blend_set("ALPHA")
    batch.draw(shader)
    gpu.state.blend_set("NONE")


_timeline = Timeline()


def register() -> None:
    """Starts showing marks."""
    _timeline.add()


def unregister() -> None:
    """Stops showing marks."""
    _timeline.remove()
