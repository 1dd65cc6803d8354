"""Tests importing masks from and exporting films to other programs with the panel's buttons, by the files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy_kit as kit
import numpy as np
import pytest

pytestmark = pytest.mark.bpy
Project = Callable[..., tuple[Any, Any]]


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    folder = tmp_path / "alte Masken"
    folder.mkdir()
    for frame in range(kit.LENGTH):
        kit.write_png(folder / f"m{frame}.png", (kit.truth(frame) * 255).astype(np.uint8))
    return folder


def shown(blender: Any, scene: Any, frame: int) -> np.ndarray:
    from blender_cutout.tasks import jobs

    path = jobs.matte_file(scene.cutout.tracks[0], frame)
    assert path is not None
    return kit.load_picture(blender, path)[..., 0]


def test_a_folder_of_masks_becomes_keyframes_and_one_undo_takes_it_back(
    blender: Any, project: Project, masks: Path
) -> None:
    scene, _ = project()
    blender.ops.cutout.new()
    assert blender.ops.cutout.import_mattes(filepath=str(masks / "m3.png"), every=4) == {"FINISHED"}
    track = scene.cutout.tracks[0]
    assert (track.keyframe_count, track.done_count) == (3, 3)
    assert np.array_equal(shown(blender, scene, 8) > 0.5, kit.truth(8) > 0.5)
    assert blender.context.window_manager.cutout.text == "3 masks imported as keyframes."
    blender.ops.cutout.propagate(direction="BOTH")
    assert track.done_count == kit.LENGTH
    blender.ops.cutout.undo_round()
    blender.ops.cutout.undo_round()
    assert (track.keyframe_count, track.done_count) == (0, 0)


def test_a_single_mask_is_for_the_frame_in_view(blender: Any, project: Project, masks: Path) -> None:
    scene, _ = project()
    blender.ops.cutout.new()
    scene.frame_set(kit.LAYOUTS["plain"].start + 6)
    blender.ops.cutout.import_mattes(filepath=str(masks / "m6.png"), folder=False)
    assert scene.cutout.tracks[0].keyframes == str(kit.LAYOUTS["plain"].start + 6)
    assert np.array_equal(shown(blender, scene, 6) > 0.5, kit.truth(6) > 0.5)


def test_what_is_no_mask_is_refused_in_the_panel(blender: Any, project: Project, masks: Path, tmp_path: Path) -> None:
    scene, strip = project()
    blender.ops.cutout.new()
    clip = Path(blender.path.abspath(strip.directory))
    with pytest.raises(RuntimeError, match="colour picture without transparency"):
        blender.ops.cutout.import_mattes(filepath=str(next(clip.glob("*.png"))))
    with pytest.raises(RuntimeError, match="No mask is chosen"):
        blender.ops.cutout.import_mattes()
    assert scene.cutout.tracks[0].keyframe_count == 0
    assert blender.context.window_manager.cutout.hint


def test_masks_with_a_gap_are_taken_at_the_frames_of_their_names(blender: Any, project: Project, masks: Path) -> None:
    scene, _ = project()
    blender.ops.cutout.new()
    (masks / "m5.png").unlink()
    blender.ops.cutout.import_mattes(filepath=str(masks / "m3.png"))
    track = scene.cutout.tracks[0]
    assert track.keyframe_count == 11
    assert track.done_count == 11


@pytest.mark.parametrize(("kind", "suffix"), [("PRORES", ".mov"), ("FFV1", ".mkv")])
def test_a_film_with_transparency_and_one_over_a_colour(
    blender: Any, project: Project, tmp_path: Path, kind: str, suffix: str
) -> None:
    scene, _ = project()
    scene.render.fps, scene.render.fps_base = 30, 1.001
    blender.ops.cutout.new()
    blender.ops.cutout.apply_strokes()
    blender.ops.cutout.propagate(direction="BOTH")
    strips_before = [s.name for s in scene.sequence_editor.sequences_all] if blender.app.version < (5, 0, 0) else None
    target = tmp_path / "Ausgabe" / "film.xyz"
    assert blender.ops.cutout.export_film(filepath=str(target), kind=kind) == {"FINISHED"}
    film = target.with_suffix(suffix)
    with_rate = blender.data.movieclips.load(str(film))
    assert (with_rate.frame_duration, round(with_rate.fps, 2)) == (kit.LENGTH, 29.97), "pictures have the scene's rate"
    text = blender.context.window_manager.cutout.text
    assert text == f"film{suffix}: {kit.LENGTH} frames. The clip has no sound."
    if strips_before is not None:
        assert [s.name for s in scene.sequence_editor.sequences_all] == strips_before
    scene.cutout.background_colour = (1.0, 0.0, 0.5)
    blender.ops.cutout.export_film(filepath=str(tmp_path / "bilder"), kind="PNG", background="COLOUR")
    files = sorted((tmp_path / "bilder").iterdir())
    assert len(files) == kit.LENGTH
    picture = kit.load_picture(blender, files[3])
    outside = kit.truth(3) < 0.5
    outside[:, 30:130] = False  # well away from the object
    assert np.abs(picture[outside] - (1.0, 0.0, 0.5)).max() < 0.01
    inside = picture[50:95, 82:90]
    assert np.abs(inside * 255 - (220, 40, 40)).max() < 3


@pytest.mark.parametrize(
    ("kind", "suffix"), [("PNG16", ".png"), ("EXR", ".exr"), ("EXR_STRAIGHT", ".exr"), ("CRYPTOMATTE", ".exr")]
)
def test_pictures_for_other_programs_keep_all_bits(
    blender: Any, project: Project, tmp_path: Path, kind: str, suffix: str
) -> None:
    scene, _ = project()
    blender.ops.cutout.new()
    blender.ops.cutout.apply_strokes()
    blender.ops.cutout.propagate(direction="BOTH")
    blender.ops.cutout.export_film(filepath=str(tmp_path / "bilder"), kind=kind)
    files = sorted((tmp_path / "bilder").iterdir())
    assert [file.suffix for file in files] == [suffix] * kit.LENGTH
    image = blender.data.images.load(str(files[3]))
    if kind != "CRYPTOMATTE":  # of layers Blender knows no more before it shows them
        assert image.is_float
        assert image.alpha_mode == ("PREMUL" if suffix == ".exr" else "STRAIGHT")
    if suffix == ".exr":
        assert scene.cutout.tracks[0].name.encode() in files[3].read_bytes()[:2000], "its channel, in the header"


def test_a_film_that_cannot_be_is_refused(blender: Any, project: Project, tmp_path: Path) -> None:
    project()
    blender.ops.cutout.new()
    with pytest.raises(RuntimeError, match="no mask to export"):
        blender.ops.cutout.export_film(filepath=str(tmp_path / "a.mov"))
    blender.ops.cutout.apply_strokes()
    with pytest.raises(RuntimeError, match="has no transparency"):
        blender.ops.cutout.export_film(filepath=str(tmp_path / "a.mp4"), kind="H264")
    with pytest.raises(RuntimeError, match="neither a colour nor a file"):
        blender.ops.cutout.export_film(
            filepath=str(tmp_path / "a.mp4"), kind="H264", background="FILE", background_file=str(tmp_path / "none.jpg")
        )
    assert not (tmp_path / "a.mp4").exists()
    assert not (tmp_path / "a.mov").exists()


def test_the_panel_tells_what_the_masks_take_and_will_take(blender: Any, project: Project) -> None:
    from blender_cutout.tasks import jobs
    from blender_cutout.ui import panel_files

    scene, _ = project()
    blender.ops.cutout.new()
    track = scene.cutout.tracks[0]
    blender.ops.cutout.apply_strokes()
    use = jobs.disk_use(track)
    assert use is not None
    assert (use[0], use[1]) == (4096, 8192)
    lines = panel_files.disk_lines(use, track.frame_count - track.done_count)
    assert lines[:2] == ["Masks on disk: 4.1 KB", "11 more frames need about 90 KB"]
    assert lines[2].endswith(" free")
    assert panel_files.disk_lines((10**6, 10**6, 5 * 10**6), 100)[2] == "Only 5.0 MB free!"
    assert panel_files.disk_lines(None, 3) == []
    blender.ops.cutout.propagate(direction="BOTH")
    assert jobs.disk_use(track)[0] == pytest.approx(4096 + 90_112, rel=0.1)  # type: ignore[index]


def test_the_limit_of_the_preferences_reaches_the_engine(
    blender: Any, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blender_cutout.scene import preference_values
    from blender_cutout.tasks import jobs

    monkeypatch.setattr(preference_values, "current", lambda: preference_values.Settings(limit=14 * 4096))
    scene, _ = project()
    blender.ops.cutout.new()
    blender.ops.cutout.apply_strokes()
    track = scene.cutout.tracks[0]
    written = 1
    for frame in (2, 7, 11):  # each run replaces a part of the one before
        blender.ops.cutout.propagate(direction="BOTH")
        written += kit.LENGTH - track.keyframe_count
        scene.frame_set(frame)
        blender.ops.cutout.auto()
    blender.ops.cutout.propagate(direction="BOTH")
    files = list((Path(blender.path.abspath(track.folder)) / "mattes").rglob("*.png"))
    assert len(files) < 2 * (written + kit.LENGTH), "some were removed"
    blocks = sum(-(-file.stat().st_size // 4096) for file in files)
    assert jobs.disk_use(track)[0] == blocks * 4096  # type: ignore[index]
    assert track.done_count == kit.LENGTH
