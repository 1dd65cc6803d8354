"""Makes the scene of the demo's clip: a spotted animal walks through a wood of its own colours. Needs bpy.

No colour separates it from its surroundings; it turns, is hidden by a tree and by leaves for some frames, and the
camera and the leaves behind it move. Seeded: every run makes the same clip.
"""

from __future__ import annotations

import math
import random
from typing import Any

import bpy
import numpy as np
from mathutils import Euler

from . import creature as animal
from .textures import material, surface

FRAMES, WIDTH, HEIGHT, RATE = 48, 640, 360, 24
SEED = 7


def build() -> Any:
    """Empties Blender, makes the scene and returns it; its frames start at 0."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    chance = random.Random(SEED)
    _settings(scene)
    creature = animal.make_creature(scene)
    creature.pass_index = 1  # identifies it when the true mask is rendered
    # Generated coordinates stick to the skin; they run from 0 to 1 along each side of the animal's box.
    fur = surface(1, (0.7, 0.5, 1.3, 0.25, 2.4), patch=2)
    length, width, height = creature.dimensions
    box = (0.42 * length, 0.42 * width, 0.42 * height)
    creature.data.materials.append(material("fur", fur, box, "Generated"))
    animal.animate(creature, FRAMES)
    _walk(creature)
    _ground(scene)
    _trees(scene, chance)
    _bushes(scene, chance)
    _falling_leaves(scene, chance)
    _light(scene)
    _camera(scene)
    return scene


def _settings(scene: Any) -> None:
    render = scene.render
    render.engine = "CYCLES"
    render.resolution_x, render.resolution_y, render.resolution_percentage = WIDTH, HEIGHT, 100
    render.fps, scene.frame_start, scene.frame_end = RATE, 0, FRAMES - 1
    render.use_motion_blur, render.motion_blur_shutter = True, 0.35
    cycles = scene.cycles
    cycles.device, cycles.seed = "CPU", SEED
    cycles.use_animated_seed = True
    cycles.samples, cycles.use_adaptive_sampling, cycles.use_light_tree = 2, False, False
    cycles.use_denoising, cycles.denoiser = True, "OPENIMAGEDENOISE"
    cycles.denoising_input_passes, cycles.denoising_quality = "RGB_ALBEDO", "FAST"
    cycles.max_bounces = 0  # direct light from sun and sky only
    cycles.caustics_reflective = cycles.caustics_refractive = False
    scene.view_settings.view_transform = "Standard"


def _walk(creature: Any) -> None:
    """Keys the animal's path: in from the left, towards the camera, away from it, and out to the right."""
    steps = FRAMES + 2
    for frame in range(-1, steps):
        part = frame / FRAMES
        creature.location = (-2.2 + 4.5 * part, 0.5 * math.sin(part * 5.0), 0.04 * abs(math.sin(frame / 24 * 9.4)))
        creature.rotation_euler = (0, 0, -0.2 + 0.8 * math.sin(part * 5.6 + 0.3))
        creature.keyframe_insert("location", frame=frame)
        creature.keyframe_insert("rotation_euler", frame=frame)


def _ground(scene: Any) -> None:
    bpy.ops.mesh.primitive_plane_add(size=60, location=(0, 10, 0))
    bpy.context.object.data.materials.append(
        material("ground", surface(2, (2.0, 1.8, 0.7, 1.4, 0.3), patch=9, smoothness=1.6), (0.22,) * 3)
    )
    bpy.ops.mesh.primitive_plane_add(size=80, location=(0, 16, 10), rotation=(math.radians(82), 0, 0))
    bpy.context.object.data.materials.append(
        material("hill", surface(3, (1.3, 1.3, 0.6, 2.2, 0.35), patch=4, smoothness=1.7), (0.09,) * 3)
    )


def _trees(scene: Any, chance: random.Random) -> None:
    bark = material("bark", surface(4, (1.6, 1.8, 0.9, 0.7, 0.45), patch=5, smoothness=1.5, stretch=4.0), (0.35,) * 3)
    # The first one stands between camera and animal.
    places = [(0.25, -2.1, 0.11)]
    places += [
        (x + chance.uniform(-0.6, 0.6), chance.uniform(2.4, 9), chance.uniform(0.12, 0.4)) for x in range(-9, 10, 1)
    ]
    for x, y, radius in places:
        bpy.ops.mesh.primitive_cone_add(
            vertices=16, radius1=radius * 1.25, radius2=radius * 0.8, depth=9, location=(x, y, 4.4),
            rotation=(chance.uniform(-0.06, 0.06), chance.uniform(-0.08, 0.08), chance.uniform(0, 3)),
        )  # fmt: skip
        bpy.context.object.data.materials.append(bark)


def _leaf_mesh(blades: int = 1, chance: random.Random | None = None) -> Any:
    """Returns one flat leaf, or a tuft of them as one mesh: many objects would cost more time than many faces."""
    outline = np.array(
        [(0, 0, 0), (0.3, 0.22, 0.05), (0.7, 0.2, 0.03), (1, 0, -0.08), (0.7, -0.2, 0.03), (0.3, -0.22, 0.05)]
    )
    faces = [(0, 1, 5), (1, 2, 4, 5), (2, 3, 4)]
    vertices = outline
    if chance:
        turns = [(-chance.uniform(0.5, 1.45), chance.uniform(0, 6.28), chance.uniform(0.7, 1.2)) for _ in range(blades)]
        vertices = np.concatenate(
            [outline @ np.array(Euler((0, up, round_)).to_matrix()).T * size for up, round_, size in turns]
        )
    mesh = bpy.data.meshes.new("leaf")
    mesh.from_pydata(vertices.tolist(), [], [tuple(6 * n + i for i in face) for n in range(blades) for face in faces])
    return mesh


def _bushes(scene: Any, chance: random.Random) -> None:
    """Adds tufts of leaves on the ground, most behind the animal, some in front."""
    shares = ((1, 1, 0.5, 3, 0.5), (0.5, 1, 2, 1.5, 1), (0.5, 2.5, 1, 1, 0.5))
    meshes = [_leaf_mesh(16, chance) for _ in range(6)]
    for i, mesh in enumerate(meshes):
        mesh.materials.append(material(f"leaf{i}", surface(5 + i, shares[i % 3], patch=4), (0.5,) * 3))
    tufts = [(chance.uniform(-8, 8), chance.uniform(1.6, 8.0), chance.uniform(0.5, 1.2)) for _ in range(45)]
    tufts += [(-1.5, -1.7, 0.5), (1.75, -1.6, 0.62), (3.6, -1.5, 0.55), (-3.4, -1.6, 0.6)]
    for x, y, size in tufts:
        tuft = bpy.data.objects.new("tuft", chance.choice(meshes))
        tuft.location, tuft.scale = (x, y, 0), (size, size, size)
        scene.collection.objects.link(tuft)
        phase, turn = chance.uniform(0, 6), chance.uniform(0, 6)
        for frame in range(-4, FRAMES + 8, 4):
            tuft.rotation_euler = (0.1 * math.sin(frame / 7 + phase), 0.12 * math.sin(frame / 5 + phase), turn)
            tuft.keyframe_insert("rotation_euler", frame=frame)


def _falling_leaves(scene: Any, chance: random.Random) -> None:
    """Adds leaves that drift and tumble through the air behind the animal, and a few in front."""
    mesh = _leaf_mesh()
    mesh.materials.append(material("dry", surface(9, (0.3, 1, 2, 0.7, 1.2), patch=4), (0.5,) * 3))
    for number in range(46):
        leaf = bpy.data.objects.new("falling", mesh)
        scene.collection.objects.link(leaf)
        front = number < 4
        x, y, z = (
            chance.uniform(-5, 5),
            chance.uniform(-2.6, -1.6) if front else chance.uniform(1.2, 5),
            chance.uniform(0, 3.6),
        )
        size, spin = chance.uniform(0.12, 0.3), chance.uniform(-4, 4)
        speed = chance.uniform(-1.4, 1.4)
        leaf.scale = [size * (0.6 if front else 1)] * 3
        for frame in range(-4, FRAMES + 8, 4):
            t = frame / 24
            leaf.location = (x + speed * t, y, max(0.1, z + 0.7 - 0.5 * t + 0.15 * math.sin(5 * t + x)))
            leaf.rotation_euler = (spin * t, 1.3 * spin * t + x, x + t)
            leaf.keyframe_insert("location", frame=frame)
            leaf.keyframe_insert("rotation_euler", frame=frame)


def _light(scene: Any) -> None:
    world = bpy.data.worlds.new("sky")
    scene.world = world
    world.use_nodes = True
    background = next(n for n in world.node_tree.nodes if n.type == "BACKGROUND")
    background.inputs["Color"].default_value = (0.55, 0.66, 0.8, 1)
    background.inputs["Strength"].default_value = 0.7
    sun = bpy.data.lights.new("sun", "SUN")
    sun.energy, sun.angle, sun.color = 3.6, 0.03, (1, 0.9, 0.72)
    lamp = bpy.data.objects.new("sun", sun)
    lamp.rotation_euler = (math.radians(42), math.radians(-28), 0.2)
    scene.collection.objects.link(lamp)


def _camera(scene: Any) -> None:
    """Adds a camera that follows the animal, as if hand-held."""
    data = bpy.data.cameras.new("camera")
    data.lens = 42
    camera = bpy.data.objects.new("camera", data)
    scene.collection.objects.link(camera)
    scene.camera = camera
    for frame in range(-1, FRAMES + 2):
        t = frame / 24
        shake = (0.025 * math.sin(7.1 * t), 0.02 * math.sin(5.3 * t + 1))
        camera.location = (-0.55 + 0.5 * t, -6.6, 1.75 + shake[1])
        camera.rotation_euler = (
            math.radians(83.5) + 0.012 * math.sin(3.7 * t),
            0,
            -0.06 * math.sin(1.1 * t) + shake[0] * 0.4,
        )
        camera.keyframe_insert("location", frame=frame)
        camera.keyframe_insert("rotation_euler", frame=frame)
