"""Tests scene strips of 3D objects seen by a camera: rendered once, then cut out, by the composite's pixels.

Cycles renders on the processor, so no graphics card is needed: one sample in the middle of each pixel, no light but
that of the materials.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy_kit as kit
import numpy as np
import pytest
from frames_kit import begin, carry_on, check, draw

from blender_cutout.host.contents import picture_name

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]
RED, BLUE = (0.72, 0.02, 0.02), (0.02, 0.06, 0.2)
CORNERS = ((0, 0), (18, 0), (18, 42), (44, 42), (44, 60), (0, 60))
"""The outline of the object of `bpy_kit.truth`, in pixels from its corner, y down."""


def glowing(bpy: Any, name: str, colour: tuple[float, float, float]) -> Any:
    """Returns a material of one flat colour that needs no light."""
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    nodes.clear()
    glow, out = nodes.new("ShaderNodeEmission"), nodes.new("ShaderNodeOutputMaterial")
    glow.inputs["Color"].default_value = (*colour, 1.0)
    links.new(glow.outputs[0], out.inputs[0])
    return material


def solid(bpy: Any, scene: Any, name: str, outline: Any, depth: float, material: Any) -> Any:
    """Returns an object with this outline in pixels, y down; one pixel is one unit of the scene."""
    count = len(outline)
    corners = [(x, -y, z) for z in (0.0, depth) for x, y in outline]
    sides = [(n, (n + 1) % count, count + (n + 1) % count, count + n) for n in range(count)]
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(corners, [], [tuple(range(count)), tuple(range(count, 2 * count)), *sides])
    mesh.materials.append(material)
    made = bpy.data.objects.new(name, mesh)
    scene.collection.objects.link(made)
    return made


@pytest.fixture
def stage(blender: Any, project: Project) -> tuple[Any, Any, Any]:
    """(scene, its scene strip, the object): a solid L before a wall, filmed from straight above; it moves as the clip's
    object does."""
    from blender_cutout.host import compat

    scene, strip = project()
    compat.strips(scene.sequence_editor).remove(strip)
    other = blender.data.scenes.new("drei D")
    other.render.engine = "CYCLES"
    other.cycles.samples, other.cycles.device, other.cycles.filter_width = 1, "CPU", 0.01
    other.cycles.use_denoising = False
    other.view_settings.view_transform = "Standard"
    other.render.resolution_x, other.render.resolution_y = kit.WIDTH, kit.HEIGHT
    other.frame_start, other.frame_end = 1, kit.LENGTH
    wall = ((-50, -50), (kit.WIDTH + 50, -50), (kit.WIDTH + 50, kit.HEIGHT + 50), (-50, kit.HEIGHT + 50))
    solid(blender, other, "wall", wall, -5.0, glowing(blender, "blue", BLUE))
    thing = solid(blender, other, "thing", CORNERS, 20.0, glowing(blender, "red", RED))
    for frame in range(kit.LENGTH):
        x, y = kit.object_at(frame)
        thing.location = (x, -y, 1.0)
        thing.keyframe_insert("location", frame=1 + frame)
    camera = blender.data.objects.new("camera", blender.data.cameras.new("camera"))
    camera.data.type, camera.data.ortho_scale = "ORTHO", float(kit.WIDTH)
    camera.location = (kit.WIDTH / 2, -kit.HEIGHT / 2, 60.0)
    other.collection.objects.link(camera)
    other.camera = camera
    shown = compat.strips(scene.sequence_editor).new_scene("scene", other, 3, 1)
    shown.scene_input = "CAMERA"
    scene.sequence_editor.active_strip = shown
    return scene, shown, thing


def filmed(frame: int) -> np.ndarray:
    """Returns the camera's picture, (H, W, 3) uint8."""

    def shown(colour: tuple[float, float, float]) -> np.ndarray:
        value = np.array(colour)
        return 255 * np.where(value < 0.0031308, 12.92 * value, 1.055 * value ** (1 / 2.4) - 0.055)

    inside = kit.truth(frame)[..., None] > 0.5
    return np.rint(np.where(inside, shown(RED), shown(BLUE))).astype(np.uint8)


def test_a_scene_strip_with_a_camera_is_rendered_and_cut_out(
    blender: Any, stage: tuple[Any, Any, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blender_cutout.host import rendered_frames

    scene, strip, _ = stage
    before = len(blender.data.scenes), len(blender.data.objects), len(blender.data.actions)
    track = begin(blender, scene)
    assert (len(blender.data.scenes), len(blender.data.objects), len(blender.data.actions)) == before
    rendered = rendered_frames.rendered_frames_of(strip)
    assert rendered is not None
    assert (rendered.count, rendered.width, rendered.height) == (kit.LENGTH, kit.WIDTH, kit.HEIGHT)
    assert not rendered.output, "as large as the strip's scene, whatever the sequencer's is"
    for n in (0, 6, kit.LENGTH - 1):
        picture = kit.load_picture(blender, rendered.path / picture_name(n))
        wrong = np.abs(picture - filmed(n) / 255).max(axis=-1) > 2 / 255
        assert wrong.mean() < 0.001, f"picture {n}"
    draw(blender, scene, kit.STROKE_FRAME, kit.STROKE_FRAME)
    carry_on(blender)
    assert track.done_count == kit.LENGTH
    monkeypatch.setattr(kit, "picture", filmed)
    check(blender, scene, tmp_path / "r", {1: 0, 5: 4, 12: 11})


def test_an_object_that_moves_otherwise_is_noticed(blender: Any, stage: tuple[Any, Any, Any]) -> None:
    scene, _, thing = stage
    begin(blender, scene)
    draw(blender, scene, kit.STROKE_FRAME, kit.STROKE_FRAME)
    thing.scale = (1.5, 1.0, 1.0)
    with pytest.raises(RuntimeError, match=r"changed since its frames were rendered.*Render Frames"):
        blender.ops.cutout.propagate()
    thing.scale = (1.0, 1.0, 1.0)
    assert blender.ops.cutout.propagate() == {"FINISHED"}


def test_a_scene_without_a_camera_is_refused_with_what_to_do(blender: Any, stage: tuple[Any, Any, Any]) -> None:
    scene, strip, _ = stage
    camera, strip.scene.camera = strip.scene.camera, None
    with pytest.raises(RuntimeError, match=r"drei D has no camera.*Add a camera"):
        blender.ops.cutout.new()
    assert not len(scene.cutout.tracks)
    strip.scene_camera = camera
    assert blender.ops.cutout.new() == {"FINISHED"}, "the strip's own will do"
