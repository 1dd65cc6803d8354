"""Tests Auto Apply and fading strokes. That the mouse's strokes are seen is tested in `tests/window`.

Blender 4.3 to 5.1 cannot draw by script, but copy a frame with its strokes: the copy counts as drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy_kit as kit
import pytest

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]
ELSEWHERE = kit.LAYOUTS["transformed"].start + kit.STROKE_FRAME
"""A frame with other strokes."""


@pytest.fixture
def auto(blender: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs Auto Apply as the timer does, and waits for its job."""
    from blender_cutout.tasks import auto_apply, jobs

    def look() -> Any:
        job = auto_apply.auto.look(blender.context)
        return jobs.wait(job, 60) if job else None

    auto_apply.forget()
    return look


@pytest.fixture
def layers(blender: Any, project: Project) -> Callable[[], list[Any]]:
    """A project with a cutout, and a function that returns the current layers."""
    from blender_cutout.host import annotations

    project()
    blender.ops.cutout.new()
    return lambda: list(annotations.find(blender.context).layers)


def draw(layer: Any, frame: int, source: int = kit.LAYOUTS["plain"].start + kit.STROKE_FRAME) -> None:
    """Copies the strokes of one frame of a layer to another frame."""
    copy = layer.frames.copy(next(f for f in layer.frames if f.frame_number == source))
    copy.frame_number = frame


def erase(layer: Any, frame: int) -> None:
    layer.frames.remove(next(f for f in layer.frames if f.frame_number == frame))


def opacities(layers: Callable[[], list[Any]]) -> list[float]:
    return [round(layer.annotation_opacity, 2) for layer in layers()]


def test_a_stroke_is_applied_by_itself_and_fades(blender: Any, auto: Any, layers: Any) -> None:
    from blender_cutout.core.messages import Done

    scene = blender.context.scene
    track = scene.cutout.tracks[0]
    scene.frame_set(8)
    assert auto() is None, "strokes that were there are left alone"
    assert opacities(layers) == [1, 1]
    draw(layers()[0], 8)
    assert isinstance(auto(), Done)
    assert (track.keyframes, len(track.applied.split())) == ("8", 1)
    assert auto() is None, "once is enough"
    assert opacities(layers) == [0.4, 1], "a layer without strokes here is ready for new ones"
    draw(layers()[1], 8)
    assert isinstance(auto(), Done)
    auto()
    assert opacities(layers) == [0.4, 0.4]
    scene.frame_set(9)
    auto()
    assert opacities(layers) == [1, 1]
    assert track.keyframe_count == 1


def test_applied_strokes_are_not_seen_over_the_composite_nor_without_the_mask(
    blender: Any, auto: Any, layers: Any
) -> None:
    scene = blender.context.scene
    assert blender.ops.cutout.apply_strokes() == {"FINISHED"}
    auto()
    assert opacities(layers) == [0.4, 0.4]
    scene.cutout.show_mask = False
    auto()
    assert opacities(layers) == [0, 0]
    scene.cutout.show_mask = True
    auto()
    assert opacities(layers) == [0.4, 0.4]
    assert blender.ops.cutout.write_strips() == {"FINISHED"}
    auto()
    assert opacities(layers) == [0, 0]
    blender.ops.cutout.auto()  # the masks have changed: what is shown is not the composite any more
    auto()
    assert opacities(layers) == [0.4, 0.4]


def test_strokes_on_another_frame_wait_for_the_artist_to_come_there(blender: Any, auto: Any, layers: Any) -> None:
    scene = blender.context.scene
    scene.frame_set(8)
    auto()
    draw(layers()[0], 3)
    assert auto() is None
    assert scene.cutout.tracks[0].keyframe_count == 0
    scene.frame_set(3)
    auto()
    assert scene.cutout.tracks[0].keyframes == "3"


def test_only_the_new_stroke_is_taken_not_those_that_lie_beside_it(blender: Any, auto: Any, layers: Any) -> None:
    scene = blender.context.scene
    auto()
    erase(layers()[1], scene.frame_current)
    draw(layers()[1], scene.frame_current, ELSEWHERE)
    auto()
    assert len(scene.cutout.tracks[0].applied.split()) == 1
    auto()
    assert opacities(layers) == [1, 0.4], "the old green stroke was not applied, and shows it"
    blender.ops.cutout.apply_strokes()
    assert len(scene.cutout.tracks[0].applied.split()) == 2


def test_nothing_is_sent_while_the_mouse_draws(
    blender: Any, auto: Any, layers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blender_cutout.host import annotations

    scene = blender.context.scene
    scene.frame_set(8)
    auto()
    draw(layers()[0], 8)
    auto()
    auto()
    assert opacities(layers) == [0.4, 1]
    with monkeypatch.context() as patch:
        patch.setattr(annotations, "is_drawing", lambda: True)
        draw(layers()[1], 8)
        assert auto() is None
        assert opacities(layers) == [1, 1], "what is being drawn is seen in full"
    assert auto() is not None


def test_switched_off_strokes_wait_and_stay_waiting(blender: Any, auto: Any, layers: Any) -> None:
    scene = blender.context.scene
    scene.frame_set(8)
    scene.cutout.auto_apply = False
    auto()
    draw(layers()[0], 8)
    assert auto() is None
    scene.cutout.auto_apply = True
    assert auto() is None
    assert opacities(layers) == [1, 1]


def test_an_opacity_of_the_artists_is_left_alone(blender: Any, auto: Any, layers: Any) -> None:
    blender.context.scene.frame_set(8)
    auto()
    layers()[0].annotation_opacity = 0.7
    draw(layers()[0], 8)
    auto()
    auto()
    assert opacities(layers) == [0.7, 1]


def test_blenders_undo_and_redo_take_the_round_along_and_send_nothing_again(
    blender: Any, auto: Any, layers: Any
) -> None:
    from blender_cutout.tasks import jobs

    def settle() -> None:
        for job in jobs.queue.jobs:
            jobs.wait(job, 60)

    def track() -> Any:
        return blender.context.scene.cutout.tracks[0]

    blender.context.scene.frame_set(8)
    auto()
    blender.ops.ed.undo_push(message="before")
    draw(layers()[0], 8)
    blender.ops.ed.undo_push(message="Draw")
    auto()
    auto()
    head = track().head
    assert head
    blender.ops.ed.undo()
    settle()
    assert (track().head, track().applied, jobs.queue.heads[track().uuid]) == ("", "", "")
    assert auto() is None, "the stroke is back to what it was before the round: drawn, not applied"
    assert opacities(layers) == [1, 1]
    blender.ops.ed.undo()
    assert auto() is None
    blender.ops.ed.redo()
    assert auto() is None
    blender.ops.ed.redo()
    settle()
    assert auto() is None
    assert (track().head, jobs.queue.heads[track().uuid]) == (head, head)
    assert opacities(layers) == [0.4, 1]


def test_a_stroke_that_is_undone_while_the_engine_is_at_it_takes_its_round_along(
    blender: Any, auto: Any, layers: Any
) -> None:
    from blender_cutout.tasks import auto_apply, jobs

    scene = blender.context.scene
    scene.frame_set(8)
    auto()
    draw(layers()[0], 8)
    job = auto_apply.auto.look(blender.context)
    erase(layers()[0], 8)
    jobs.wait(job, 60)
    while jobs.queue.jobs:
        jobs.step()
    track = scene.cutout.tracks[0]
    assert (track.head, track.keyframe_count, track.applied) == ("", 0, "")


def test_a_stroke_is_not_sent_twice(blender: Any, auto: Any, layers: Any) -> None:
    from blender_cutout.tasks import auto_apply, jobs

    scene = blender.context.scene
    scene.frame_set(8)
    auto()
    draw(layers()[0], 8)
    job = auto_apply.auto.look(blender.context)
    with pytest.raises(RuntimeError, match="already applied"):
        blender.ops.cutout.apply_strokes()
    jobs.wait(job, 60)
    assert len(scene.cutout.tracks[0].applied.split()) == 1


def test_what_cannot_be_applied_is_reported_once(blender: Any, auto: Any, layers: Any) -> None:
    status = blender.context.window_manager.cutout
    blender.context.scene.frame_set(8)
    auto()
    draw(layers()[0], 8, 405)
    assert auto() is None
    assert (status.level, "outside the picture" in status.text) == ("ERROR", True)
    status.text = ""
    assert auto() is None
    assert not status.text
