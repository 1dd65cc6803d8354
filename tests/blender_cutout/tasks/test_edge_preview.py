"""Tests that the preview shows the refined edge: of the newest settings, on demand, and never by a file's own wish."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from edge_preview_kit import settle, shown

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]


def cut(bpy: Any) -> Any:
    for step in ("new", "apply_strokes", "propagate"):
        assert getattr(bpy.ops.cutout, step)() == {"FINISHED"}
    return bpy.context.scene.cutout.tracks[0]


def area(matte: np.ndarray) -> int:
    return int((matte > 127).sum())


def test_the_preview_shows_the_newest_settings_on_every_frame_and_the_mask_again_at_0(
    blender: Any, project: Project
) -> None:
    scene, _ = project()
    track = cut(blender)
    plain = shown(scene)
    track.edge.grow = 3.0
    assert np.array_equal(shown(scene), plain), "nothing waits for the engine"
    settle()
    wider = shown(scene)
    assert area(wider) > area(plain) + 200
    for grow in (4.0, 5.0, 6.0):  # as fast as a slider moves
        track.edge.grow = grow
        assert np.array_equal(shown(scene), wider), "the last one until there is a newer one: no flashing"
    settle()
    assert area(shown(scene)) > area(wider) + 200
    track.edge.grow = 3.0
    assert np.array_equal(shown(scene), wider), "kept by settings"
    scene.frame_set(scene.frame_current + 2)
    other = shown(scene)
    settle()
    assert area(shown(scene)) > area(other) + 200
    track.edge.grow = 0.0
    assert np.array_equal(shown(scene), other)
    assert not blender.context.window_manager.cutout.busy


def test_a_new_round_is_refined_too_and_undo_shows_the_earlier_edge(blender: Any, project: Project) -> None:
    scene, _ = project()
    track = cut(blender)
    plain = shown(scene)
    track.edge.grow = 4.0
    shown(scene)
    settle()
    wider = shown(scene)
    blender.ops.cutout.undo_round()
    blender.ops.cutout.undo_round()
    blender.ops.cutout.auto()
    shown(scene)
    settle()
    assert area(shown(scene)) > area(plain) + 200
    blender.ops.cutout.undo_round()
    blender.ops.cutout.auto()
    track.edge.grow = 0.0
    assert not np.array_equal(shown(scene), wider)


def test_a_loaded_file_starts_no_engine_for_its_edge_until_a_slider_is_moved(
    blender: Any, project: Project, tmp_path: Path
) -> None:
    from blender_cutout.tasks import edge_preview, jobs

    project()
    cut(blender).edge.grow = 5.0
    path = tmp_path / "mein Projekt é.blend"
    blender.ops.wm.save_as_mainfile(filepath=str(path))
    blender.ops.wm.open_mainfile(filepath=str(path))
    scene = blender.context.scene
    plain = shown(scene)
    settle()
    assert not jobs.queue.running
    assert np.array_equal(shown(scene), plain)
    edge_preview.previews.slider_moved()  # as the property does; without a window it has no update function
    shown(scene)
    settle()
    assert jobs.queue.running
    assert area(shown(scene)) > area(plain) + 200


@pytest.mark.parametrize("killed", [True, False])
def test_an_engine_that_ends_meanwhile_leaves_the_mask_and_a_new_one_refines_it(
    blender: Any, project: Project, killed: bool
) -> None:
    from blender_cutout.tasks import edge_preview, jobs

    scene, _ = project()
    track = cut(blender)
    plain = shown(scene)
    track.edge.grow = 5.0
    shown(scene)
    if killed and hasattr(signal, "SIGSTOP"):
        jobs.queue.client._process.send_signal(signal.SIGSTOP)  # it must not be done before it is killed
    edge_preview.previews.step()
    jobs.queue.client._process.kill() if killed else jobs.close()
    settle()
    assert np.array_equal(shown(scene), plain)
    blender.ops.cutout.propagate()
    shown(scene)
    settle()
    assert area(shown(scene)) > area(plain) + 100


def test_files_of_many_settings_do_not_pile_up_and_go_with_the_blend(
    blender: Any, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blender_cutout.tasks import edge_preview

    scene, _ = project()
    track = cut(blender)
    monkeypatch.setattr(edge_preview, "_KEPT", 3)
    folder = Path(blender.app.tempdir) / "cutout edges"
    for grow in range(1, 7):
        track.edge.grow = float(grow)
        shown(scene)
        settle()
    assert len(list(folder.iterdir())) == 3
    blender.ops.wm.read_homefile(app_template="")
    assert not list(folder.iterdir())
