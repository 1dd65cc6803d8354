"""Tests a propagation's settings in the panel: range, stability, stops, and frames in doubt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import bpy_kit as kit
import pytest
from panel_kit import Paper

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]


@pytest.fixture
def drawn(blender: Any, project: Project) -> tuple[Any, Any]:
    """A scene whose object was drawn on timeline frame 5."""
    scene, _ = project()
    blender.ops.cutout.new()
    blender.ops.cutout.apply_strokes()
    return scene, scene.cutout.tracks[0]


def options(scene: Any) -> dict[str, Any]:
    from blender_cutout.scene import doubt

    return asdict(doubt.options(scene))


def done(track: Any) -> list[int]:
    """Timeline frames with a mask."""
    from blender_cutout.tasks import jobs

    return [frame + 1 for frame in range(kit.LENGTH) if jobs.matte_file(track, frame)]


def test_only_the_preview_range_is_propagated_when_that_is_chosen(blender: Any, drawn: tuple[Any, Any]) -> None:
    scene, track = drawn
    scene.cutout.in_to_out = True
    with pytest.raises(RuntimeError, match="no in and out points"):
        blender.ops.cutout.propagate()
    scene.use_preview_range = True
    scene.frame_preview_start, scene.frame_preview_end = 3, 8
    blender.ops.cutout.propagate()
    assert done(track) == [3, 4, 5, 6, 7, 8]
    scene.cutout.in_to_out = False
    blender.ops.cutout.propagate()
    assert done(track) == list(range(1, kit.LENGTH + 1))


def test_forward_and_backward_go_one_way(blender: Any, drawn: tuple[Any, Any]) -> None:
    _, track = drawn
    blender.ops.cutout.propagate(direction="FORWARD")
    assert done(track) == list(range(5, kit.LENGTH + 1))
    blender.ops.cutout.propagate(direction="BACKWARD")
    assert done(track) == list(range(1, kit.LENGTH + 1))


def test_the_engine_receives_where_to_stop(blender: Any, drawn: tuple[Any, Any]) -> None:
    scene, _ = drawn
    scene.cutout.doubt_below = 0.75
    assert options(scene) == {"stability": 1.0, "stop_at_cuts": True, "stop_below": 0.0}
    scene.cutout.stop_in_doubt, scene.cutout.stop_at_cuts = True, False
    assert options(scene) == {"stability": 1.0, "stop_at_cuts": False, "stop_below": 0.75}


def test_where_it_stopped_is_shown_in_timeline_frames(blender: Any, project: Project) -> None:
    from blender_cutout.host import compat
    from blender_cutout.scene import properties

    _, strip = project("transformed")
    other_shot(strip, 7)
    blender.ops.cutout.new()
    blender.ops.cutout.apply_strokes()
    blender.ops.cutout.propagate()
    status, start = properties.status(), kit.LAYOUTS["transformed"].start
    assert status.level == "WARNING"
    assert status.text == (
        f"Another shot begins at frame {start + 7}, so frames {start + 7} to {start + kit.LENGTH - 1} got no mask. "
        "Draw on one of them."
    )
    status.level = "INFO"
    compat.time_set(strip, "frame_final_end", start + 10)
    blender.ops.cutout.propagate()
    assert f"so frames {start + 7} to {start + 9} got no mask" in status.text


def test_refusals_of_the_engine_name_frames_of_the_timeline(blender: Any, drawn: tuple[Any, Any]) -> None:
    from blender_cutout.scene import properties

    scene, _ = drawn
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 5, 8
    with pytest.raises(RuntimeError, match=r"^Error: Frame 6 has no mask yet"):
        blender.ops.cutout.lock_frames(span="RANGE")
    assert properties.status().text.startswith("Frame 6 has no mask yet")


def test_a_frame_that_the_strip_does_not_show_is_called_a_clip_frame(drawn: tuple[Any, Any]) -> None:
    from blender_cutout.core.frame_text import FrameText
    from blender_cutout.host import compat
    from blender_cutout.scene import frame_spans

    scene, track = drawn
    compat.time_set(scene.sequence_editor.active_strip, "frame_final_start", 4)
    advice = FrameText("Look at ", 0, ", ", 5, ", ", (1, 4), ".")
    assert frame_spans.in_timeline(scene, track, advice) == (
        "Look at clip frame 0 (which the strip does not show), frame 6, frames 4 to 5."
    )
    assert frame_spans.in_timeline(scene, track, "plain") == "plain"


def other_shot(strip: Any, start: int) -> None:
    """Gives the clip a cut: from one frame on, it shows something else."""
    import numpy as np

    folder = Path(blender_path(strip.directory))
    rng = np.random.default_rng(5)
    wall = np.kron(rng.integers(0, 255, (10, 16, 3), np.uint8), np.ones((15, 15, 1), np.uint8))
    for element in list(strip.elements)[start:]:
        kit.write_png(folder / element.filename, wall)


def blender_path(path: str) -> str:
    import bpy

    return str(bpy.path.abspath(path))


def test_the_worst_frame_is_gone_to(blender: Any, drawn: tuple[Any, Any]) -> None:
    from blender_cutout.ui import panel_review

    scene, track = drawn

    def shown() -> str:
        paper = Paper()
        panel_review.draw_doubt(paper, scene, track)
        return "\n".join(paper.notes)

    with pytest.raises(RuntimeError, match="no propagated frame"):
        blender.ops.cutout.worst_frame()
    blender.ops.cutout.propagate()
    cells = [track.confidence[at : at + 2] for at in range(0, len(track.confidence), 2)]
    assert len(cells) == kit.LENGTH
    assert cells[kit.STROKE_FRAME] == "--"
    cells[8], cells[3] = "41", "40"
    track.confidence = "".join(cells)
    blender.ops.cutout.worst_frame()
    assert scene.frame_current == 4
    assert "Here: 40% sure" in shown()
    scene.frame_set(1 + kit.STROKE_FRAME)
    assert "Here:" not in shown()
    scene.frame_set(500)
    assert "Here:" not in shown()
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 6, 12
    blender.ops.cutout.worst_frame()
    assert scene.frame_current == 9


def test_the_engine_receives_the_stability(blender: Any, drawn: tuple[Any, Any]) -> None:
    scene, track = drawn
    assert options(scene) == {"stability": 1.0, "stop_at_cuts": True, "stop_below": 0.0}
    blender.ops.cutout.propagate()
    steady = track.mattes
    blender.ops.cutout.propagate()
    assert track.mattes == steady, "nothing is done twice"
    scene.cutout.stability = 0.0
    blender.ops.cutout.propagate()
    assert track.mattes != steady
    assert done(track) == list(range(1, kit.LENGTH + 1))


def test_frames_in_doubt_follow_from_the_engines_confidence() -> None:
    from blender_cutout.scene import doubt

    assert doubt.percents("--9903--80") == {1: 99, 2: 3, 4: 80}
    assert doubt.doubtful("--9903--80", 0.84) == (2, 4)
    assert doubt.percents("") == {}
