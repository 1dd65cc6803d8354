"""Tests effects on the background or the object: rendered pixels inside and outside the mask, strips and channels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy_kit as kit
import numpy as np
import pytest

from tests.blender_cutout.host.output.test_forms import matte_of, names
from tests.blender_cutout.host.output.test_output import channels
from tests.blender_cutout.host.test_pieces import cut, longer_green

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]
KINDS = ("BLUR", "PIXELATE", "DESATURATE", "GRADE")
FRAME = 5


def propagated(bpy: Any, project: Project, name: str = "plain") -> tuple[Any, Any]:
    scene, strip = project(name)
    for step in ("new", "apply_strokes", "propagate"):
        assert getattr(bpy.ops.cutout, step)() == {"FINISHED"}
    return scene, strip


def apply(bpy: Any, scene: Any, kind: str, on: str = "BACKGROUND", size: int = 20) -> None:
    track = scene.cutout.tracks[0]
    track.effect, track.effect_on, track.effect_size = kind, on, size
    assert bpy.ops.cutout.apply_effect() == {"FINISHED"}


def render(bpy: Any, scene: Any, folder: Path, layout: str = "plain", frame: int = FRAME) -> np.ndarray:
    return kit.render_frame(bpy, scene, kit.LAYOUTS[layout].start + frame, folder)


def inner(area: np.ndarray) -> np.ndarray:
    """Returns the area without its outermost pixels, which show a mix."""
    found = area.copy()
    for axis in (0, 1):
        for step in (-2, -1, 1, 2):
            found &= np.roll(area, step, axis)
    return found


def is_like(kind: str, shown: np.ndarray, plain: np.ndarray) -> bool:
    """Returns whether pixels (n, 3) of a render look like the effect on those of the whole clip."""
    if kind == "DESATURATE":
        return bool(np.ptp(shown, axis=1).max() < 2 / 255)
    if kind == "GRADE":
        return bool((shown.mean() < 0.9 * plain.mean()) and (shown <= plain + 2 / 255).all())
    return bool(np.abs(shown - plain).max() > 20 / 255)  # next to the mask


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("on", ["BACKGROUND", "OBJECT"])
@pytest.mark.parametrize("layout", ["plain", "flipped and cropped"])
def test_the_effect_covers_one_side_of_the_mask_and_the_other_stays(
    blender: Any, project: Project, tmp_path: Path, kind: str, on: str, layout: str
) -> None:
    scene, _ = propagated(blender, project, layout)
    plain = render(blender, scene, tmp_path / "plain", layout)
    apply(blender, scene, kind, on)
    shown = render(blender, scene, tmp_path / "shown", layout)
    place = kit.LAYOUTS[layout]
    _, alpha = kit.composite(place, kit.picture(FRAME), matte_of(blender, scene, FRAME))
    _, clip = kit.composite(place, kit.picture(FRAME), np.ones((kit.HEIGHT, kit.WIDTH), np.float32))
    inside, outside = inner(alpha > 0.999), inner((alpha < 0.001) & (clip > 0.999))
    changed, same = (inside, outside) if on == "OBJECT" else (outside, inside)
    assert np.abs(shown - plain)[same].max() < 2 / 255
    assert is_like(kind, shown[changed], plain[changed])
    around = clip == 0  # what lies beside a clip that does not fill the frame is not its background
    assert not around.any() or np.abs(shown - plain)[around].max() < 2 / 255


def test_pixels_are_blocks_of_one_colour_that_leave_nothing_at_the_border(
    blender: Any, project: Project, tmp_path: Path
) -> None:
    scene, _ = propagated(blender, project)
    scene.cutout.tracks[0].effect_on = "OBJECT"
    plain = render(blender, scene, tmp_path / "plain")
    apply(blender, scene, "PIXELATE", "BACKGROUND", 30)
    shown = render(blender, scene, tmp_path / "shown")
    across, down = kit.WIDTH // 8, kit.HEIGHT // 6  # 8 x 6 blocks: even like the render's size
    corner = shown[-down:, -across:]
    assert np.ptp(corner.reshape(-1, 3), axis=0).max() < 2 / 255
    assert np.abs(corner.mean(axis=(0, 1)) - plain[-down:, -across:].mean(axis=(0, 1))).max() < 4 / 255


@pytest.mark.parametrize("kind", KINDS)
def test_the_saved_file_renders_it_without_the_addon(blender: Any, project: Project, tmp_path: Path, kind: str) -> None:
    import blender_cutout

    scene, _ = propagated(blender, project)
    apply(blender, scene, kind)
    wanted = render(blender, scene, tmp_path / "with")
    blender.ops.wm.save_mainfile()
    blend = blender.data.filepath
    blender_cutout.unregister()
    try:
        blender.ops.wm.open_mainfile(filepath=blend)
        assert np.abs(render(blender, blender.context.scene, tmp_path / "without") - wanted)[:, :-1].max() < 1 / 255
    finally:
        blender_cutout.register()


@pytest.mark.parametrize("kind", KINDS)
def test_writing_again_keeps_channels_and_what_the_artist_set(
    blender: Any, project: Project, tmp_path: Path, kind: str
) -> None:
    from blender_cutout.host.output.effect import shown_over

    scene, strip = propagated(blender, project)
    apply(blender, scene, kind)
    (shown,) = shown_over(scene, strip)
    shown.channel = 9
    shown.blend_alpha = 0.5
    before = channels(scene)
    x, y = kit.object_at(kit.STROKE_FRAME)
    points = " ".join(f"{x + 9},{y + at},1" for at in range(0, 30, 4))
    assert blender.ops.cutout.paint(label="remove", points=points) == {"FINISHED"}
    blender.ops.cutout.propagate()
    first = render(blender, scene, tmp_path / "first")
    assert blender.ops.cutout.write_strips() == {"FINISHED"}
    assert channels(scene) == before
    (shown,) = shown_over(scene, strip)
    assert shown.blend_alpha == 0.5
    assert np.abs(render(blender, scene, tmp_path / "second") - first).max() > 10 / 255, "the new mask is used"


def test_several_effects_are_shown_at_once_and_each_is_removable(
    blender: Any, project: Project, tmp_path: Path
) -> None:
    """The object without colour, the background blurred and darker; in whatever order, and without the add-on."""
    import blender_cutout
    from blender_cutout.host.output.effect import shown_over

    scene, strip = propagated(blender, project)
    plain = render(blender, scene, tmp_path / "plain")
    apply(blender, scene, "BLUR")
    blurred = render(blender, scene, tmp_path / "blurred")
    apply(blender, scene, "DESATURATE", "OBJECT")
    apply(blender, scene, "GRADE")
    shown = render(blender, scene, tmp_path / "shown")
    assert len(shown_over(scene, strip)) == 3
    _, alpha = kit.composite(kit.LAYOUTS["plain"], kit.picture(FRAME), matte_of(blender, scene, FRAME))
    inside, outside = inner(alpha > 0.999), inner(alpha < 0.001)
    assert is_like("DESATURATE", shown[inside], plain[inside])
    assert is_like("GRADE", shown[outside], blurred[outside])
    assert np.abs(blurred - plain)[outside].max() > 20 / 255
    blender.ops.wm.save_mainfile()
    blend = blender.data.filepath
    blender_cutout.unregister()
    try:
        blender.ops.wm.open_mainfile(filepath=blend)
        without = render(blender, blender.context.scene, tmp_path / "without")
        assert np.abs(without - shown)[:, :-1].max() < 1 / 255
    finally:
        blender_cutout.register()
    scene = blender.context.scene
    assert blender.ops.cutout.remove_effect(effect="GRADE-BACKGROUND") == {"FINISHED"}
    shown = render(blender, scene, tmp_path / "two")
    assert is_like("DESATURATE", shown[inside], plain[inside])
    assert np.abs(shown - blurred)[outside].max() < 2 / 255
    assert blender.ops.cutout.remove_effect(effect="BLUR-BACKGROUND") == {"FINISHED"}
    shown = render(blender, scene, tmp_path / "one")
    assert is_like("DESATURATE", shown[inside], plain[inside])
    assert np.abs(shown - plain)[outside].max() < 2 / 255
    assert blender.ops.cutout.remove_effect(effect="DESATURATE-OBJECT") == {"FINISHED"}
    assert names(scene) == ["clip", "green"]


def test_a_blur_takes_in_the_effects_below_it(blender: Any, project: Project, tmp_path: Path) -> None:
    from blender_cutout.tasks import upkeep

    scene, _ = propagated(blender, project)
    apply(blender, scene, "DESATURATE")
    apply(blender, scene, "BLUR")
    shown = render(blender, scene, tmp_path / "both")
    corner = (slice(0, 20), slice(-40, None))  # the blur does not reach the object there, which has its colours
    assert np.ptp(shown[corner], axis=-1).max() < 2 / 255
    before = channels(scene)
    assert blender.ops.cutout.write_strips() == {"FINISHED"}
    assert channels(scene) == before
    assert not upkeep.keeper.look(scene)
    assert blender.ops.cutout.remove_effect(effect="DESATURATE-BACKGROUND") == {"FINISHED"}
    after = render(blender, scene, tmp_path / "blur")
    assert np.ptp(after[corner], axis=-1).max() > 10 / 255, "the blur reads the clip again"


def test_the_effect_of_an_earlier_release_stays_under_a_second_one(
    blender: Any, project: Project, tmp_path: Path
) -> None:
    from blender_cutout.host import compat
    from blender_cutout.host.output import effect

    scene, strip = propagated(blender, project)
    apply(blender, scene, "BLUR")
    blurred = render(blender, scene, tmp_path / "blurred")
    track = scene.cutout.tracks[0]
    track.effects = ""
    for one in [s for s in compat.strips(scene.sequence_editor) if effect.ID_KEY in s]:
        del one[effect.ID_KEY]
        if effect.MADE_KEY in one:
            one[effect.MADE_KEY] = '{"kind": "BLUR", "size": 20}'
    apply(blender, scene, "DESATURATE", "OBJECT")
    assert len(effect.shown_over(scene, strip)) == 2
    shown = render(blender, scene, tmp_path / "shown")
    _, alpha = kit.composite(kit.LAYOUTS["plain"], kit.picture(FRAME), matte_of(blender, scene, FRAME))
    outside = inner(alpha < 0.001)
    assert np.abs(shown - blurred)[outside].max() < 2 / 255


def test_another_form_replaces_it_and_removing_it_leaves_the_whole_clip(
    blender: Any, project: Project, tmp_path: Path
) -> None:
    scene, _ = propagated(blender, project)
    plain = render(blender, scene, tmp_path / "plain")
    for kind in (*KINDS, "BLUR"):
        apply(blender, scene, kind)
        assert blender.ops.cutout.remove_effect() == {"FINISHED"}
        apply(blender, scene, kind)
        ours = [name for name in names(scene) if name not in ("clip", "green", "clip mask")]
        assert len(ours) == {"BLUR": 2, "PIXELATE": 3}.get(kind, 1), ours
        assert all(kind.lower() in name for name in ours)
        assert blender.ops.cutout.remove_effect() == {"FINISHED"}
    apply(blender, scene, "BLUR")
    scene.cutout.tracks[0].write_as = "mask"
    assert blender.ops.cutout.write_strips() == {"FINISHED"}
    assert [name.partition(".")[0] for name in names(scene)] == ["clip", "clip mask", "green"]
    assert np.abs(render(blender, scene, tmp_path / "cut")[2, 2] - kit.GREEN).max() < 2 / 255
    apply(blender, scene, "PIXELATE")
    assert blender.ops.cutout.remove_effect() == {"FINISHED"}
    assert names(scene) == ["clip", "green"]
    assert np.abs(render(blender, scene, tmp_path / "after") - plain).max() < 1 / 255
    with pytest.raises(RuntimeError, match="not written yet"):
        blender.ops.cutout.render()


@pytest.mark.parametrize("kind", KINDS)
def test_it_follows_a_clip_that_is_moved_trimmed_and_rotated(
    blender: Any, project: Project, tmp_path: Path, kind: str
) -> None:
    from blender_cutout.host import compat
    from blender_cutout.host.output.effect import shown_over
    from blender_cutout.tasks import upkeep

    scene, strip = propagated(blender, project)
    apply(blender, scene, kind)
    longer_green(scene, 60)
    compat.time_set(strip, "frame_start", 31)
    compat.time_set(strip, "frame_offset_start", 3)
    layout = kit.Layout(31, kit.LAYOUTS["plain"].render, (12.0, -7.0), (0.8, 0.8), 15.0)
    kit.place(strip, layout)
    strip.channel = 8
    assert not upkeep.keeper.look(scene)
    (shown,) = shown_over(scene, strip)
    assert compat.span(shown) == compat.span(strip)
    assert shown.channel > strip.channel
    _, alpha = kit.composite(layout, kit.picture(6), matte_of(blender, scene, 6))
    _, clip = kit.composite(layout, kit.picture(6), np.ones((kit.HEIGHT, kit.WIDTH), np.float32))
    with_effect = kit.render_frame(blender, scene, 37, tmp_path / "with")
    shown.mute = True
    plain = kit.render_frame(blender, scene, 37, tmp_path / "plain")
    assert np.abs(with_effect - plain)[alpha > 0.999].max() < 3 / 255
    outside = inner((alpha < 0.001) & (clip > 0.999))
    assert is_like(kind, with_effect[outside], plain[outside])


def test_both_halves_of_a_split_clip_get_their_own(blender: Any, project: Project, tmp_path: Path) -> None:
    from blender_cutout.host import compat
    from blender_cutout.tasks import upkeep

    scene, strip = propagated(blender, project)
    apply(blender, scene, "DESATURATE")
    cut(blender, scene, 6, strip)
    assert not upkeep.keeper.look(scene), "one effect covers both"
    assert blender.ops.cutout.write_strips() == {"FINISHED"}
    assert not upkeep.keeper.look(scene)
    longer_green(scene, 60)
    right = max((s for s in compat.strips(scene.sequence_editor) if s.type == "IMAGE" and not s.mute), key=compat.span)
    compat.time_set(right, "frame_start", compat.time_get(right, "frame_start") + 30)
    assert not upkeep.keeper.look(scene)
    compat.time_set(right, "frame_offset_end", 1)
    assert not upkeep.keeper.look(scene)
    for frame in (3, 9 + 30):
        shown = kit.render_frame(blender, scene, frame, tmp_path / "r")
        assert np.ptp(shown[2, 2]) < 2 / 255, frame
        x, y = kit.object_at((frame - 1) % 30)
        assert np.abs(shown[y + 20, x + 8] - np.array((220, 40, 40)) / 255).max() < 0.05


def test_a_title_directly_above_leaves_no_room(blender: Any, project: Project) -> None:
    from blender_cutout.host import compat

    scene, _ = propagated(blender, project)
    length = {"length": 12} if not compat.BEFORE_5_0 else {"frame_end": 13}
    compat.strips(scene.sequence_editor).new_effect("title", "COLOR", 3, 1, **length)
    before = channels(scene)
    with pytest.raises(RuntimeError, match="no room"):
        blender.ops.cutout.apply_effect()
    assert channels(scene) == before


def test_undo_takes_it_back(blender: Any, project: Project) -> None:
    scene, _ = propagated(blender, project)
    blender.ops.ed.undo_push(message="before")
    before = names(scene)
    apply(blender, scene, "PIXELATE")
    assert len(names(scene)) == len(before) + 4
    blender.ops.ed.undo()
    assert names(blender.context.scene) == before
