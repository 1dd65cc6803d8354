"""Hashes everything a strip's own picture depends on; moving the strip does not change the hash.

Included: speed and retiming, files, text and colours, the inputs of effects, everything inside a meta strip, and the
animation of all these. Not included: what only places the strip's picture (transform, crop, flip, blending, modifiers,
channel) and its position on the timeline. For a scene strip, the objects' transforms, the sizes of their data and their
animation are included, but not materials, nodes and the like.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy

from . import compat

_TIMES = (
    "frame_start",
    "frame_final_start",
    "frame_final_end",
    "frame_offset_start",
    "frame_offset_end",
    "animation_offset_start",
    "animation_offset_end",
)
_NEVER = {"rna_type", "name", "lock", "select", "select_left_handle", "select_right_handle", "color_tag", "strips"}
_NEVER |= {
    "show_retiming_keys",
    "override_cache_settings",
    "use_cache_raw",
    "use_cache_composite",
    "sequences",
    "parent",
}
_NEVER |= {"use_cache_preprocessed", "proxy", "use_proxy", "use_default_fade", "show_waveform", "is_active"}
_NEVER |= {"fps"}  # from the file, which is hashed; Blender reopens a movie each time this is read
_PLACING = {
    "mute",
    "channel",
    "blend_type",
    "blend_alpha",
    "transform",
    "crop",
    "use_flip_x",
    "use_flip_y",
    "modifiers",
}
_PLACING |= {"use_linear_modifiers", "volume", "pan", "pitch"}
_TIME_NAMES = ("frame_", "animation_offset_", "content_", "left_handle", "right_handle", "duration")
_LYING = ("location", "rotation_euler", "rotation_quaternion", "rotation_axis_angle", "scale")
_DEPTH = 6
_DIGITS = 5


def fingerprint_of(scene: Any, strip: Any) -> str:
    """Returns the hash of everything a strip's picture depends on: 16 hexadecimal digits."""
    import hashlib  # slow to import (OpenSSL)

    anchor = compat.time_get(strip, "frame_start")
    with warnings.catch_warnings():  # every property is read, deprecated ones too
        warnings.simplefilter("ignore")
        parts = list(_strip(scene, strip, anchor, set(), top=True))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _strip(scene: Any, strip: Any, anchor: float, seen: set[int], top: bool = False) -> Iterator[str]:
    if strip.as_pointer() in seen:
        return
    seen.add(strip.as_pointer())
    yield f"strip {strip.type}"
    if top:  # the handles are left out: see `frames`
        yield from (f"{name} {compat.time_get(strip, name):.3f}" for name in _TIMES[5:])
    else:
        for name in _TIMES:
            shift = anchor if name in ("frame_start", "frame_final_start", "frame_final_end") else 0.0
            yield f"{name} {compat.time_get(strip, name) - shift:.3f}"
    render = scene.render
    if strip.type in ("MOVIE", "MOVIECLIP"):
        yield f"rate {render.fps / render.fps_base:.5f}"
    if strip.type not in ("MOVIE", "IMAGE", "MOVIECLIP"):
        yield f"render {render.resolution_x} {render.resolution_y}"
    if strip.type == "MOVIE":
        yield _file(strip.filepath)
    yield from _properties(scene, strip, anchor, seen, _PLACING if top else set(), 0)
    yield from _animation(scene, strip, anchor, _PLACING if top else set())
    if strip.type == "META":
        for child in compat.strips(strip):
            if child.type != "SOUND":
                yield from _strip(scene, child, anchor, seen)
    if strip.type == "SCENE" and strip.scene is not None:
        yield from _scene(strip.scene, seen)


def _properties(scene: Any, owner: Any, anchor: float, seen: set[int], left_out: set[str], depth: int) -> Iterator[str]:
    """Yields every value of a Blender structure, recursively."""
    for prop in owner.bl_rna.properties:
        name = prop.identifier
        if name in _NEVER or name in left_out or (depth == 0 and name.startswith(_TIME_NAMES)):
            continue
        if prop.type == "COLLECTION":
            if depth < _DEPTH:
                for item in getattr(owner, name):
                    if name == "retiming_keys":
                        yield f"key {item.timeline_frame - anchor}"
                    elif name == "elements":
                        yield str(item.filename)  # its size is undefined until it is rendered
                    elif hasattr(item, "bl_rna"):
                        yield from _properties(scene, item, anchor, seen, set(), depth + 1)
        elif name == "strobe":
            yield f"strobe {max(1.0, owner.strobe):.3f}"  # 0 until it is rendered
        elif prop.type == "POINTER":
            yield from _pointer(scene, name, getattr(owner, name), anchor, seen, depth)
        else:
            yield f"{name} {_plain(prop, getattr(owner, name))}"


def _pointer(scene: Any, name: str, value: Any, anchor: float, seen: set[int], depth: int) -> Iterator[str]:
    if value is None or not hasattr(value, "bl_rna"):
        return
    if isinstance(value, bpy.types.ID | bpy.types.ViewLayer):
        yield f"{name} {value.name}"
    elif hasattr(value, "blend_alpha"):  # another strip
        yield from _strip(scene, value, anchor, seen)
    elif depth < _DEPTH:
        yield name
        yield from _properties(scene, value, anchor, seen, set(), depth + 1)


def _plain(prop: Any, value: Any) -> str:
    if prop.type == "STRING" and prop.subtype in ("FILE_PATH", "DIR_PATH"):
        return Path(str(value).rstrip("/\\")).name  # the folder differs between copies of a project
    if prop.type == "FLOAT":
        return str([round(v, _DIGITS) for v in value] if prop.is_array else round(value, _DIGITS))
    if getattr(prop, "is_array", False):
        return str(list(value))
    return str(sorted(value)) if isinstance(value, set) else str(value)


def _animation(scene: Any, strip: Any, anchor: float, left_out: set[str]) -> Iterator[str]:
    """Yields the F-curves and drivers of a strip."""
    data = scene.animation_data
    if data is None:
        return
    start = strip.path_from_id() + "."
    for curve in [*compat.curves(data), *data.drivers]:
        name = curve.data_path.removeprefix(start)
        if name == curve.data_path or name.split(".")[0].split("[")[0] in left_out:
            continue
        yield f"curve {name} {curve.array_index} {curve.mute}"
        yield from _points(curve, anchor)
        if curve.driver is not None:
            yield f"driver {curve.driver.type} {curve.driver.expression}"


def _points(curve: Any, anchor: float) -> Iterator[str]:
    for point in curve.keyframe_points:
        sides = (point.co, point.handle_left, point.handle_right)
        yield " ".join(f"{side[0] - anchor:.3f} {side[1]:.5f}" for side in sides) + point.interpolation


def _scene(scene: Any, seen: set[int]) -> Iterator[str]:
    """Yields what can be known of a scene's picture without rendering it; its sequencer if it has one."""
    render = scene.render
    yield f"{render.engine} {render.resolution_x} {render.resolution_y} {render.resolution_percentage}"
    yield f"{scene.frame_start} {scene.frame_end}"
    yield f"{scene.camera and scene.camera.name} {scene.world and scene.world.name}"
    for thing in sorted(scene.objects, key=lambda o: o.name):
        data = thing.animation_data
        yield f"{thing.name} {thing.hide_render} {thing.data and thing.data.name} {len(thing.modifiers)}"
        if data is None:
            yield str([[round(v, _DIGITS) for v in row] for row in thing.matrix_basis])
        else:
            for curve in compat.curves(data):
                yield f"{curve.data_path} {curve.array_index}"
                yield from _points(curve, 0.0)
            yield from _still(thing, data)
        if thing.type == "MESH":
            yield f"{len(thing.data.vertices)} {len(thing.data.polygons)}"
        if thing.type == "CAMERA":
            yield f"{thing.data.lens:.4f} {thing.data.ortho_scale:.4f} {thing.data.type}"
    if scene.sequence_editor is not None:
        for strip in compat.strips(scene.sequence_editor):
            if strip.type != "SOUND":
                yield from _strip(scene, strip, 0.0, seen)


def _still(thing: Any, data: Any) -> Iterator[str]:
    """Yields an object's unanimated transform; nothing that NLA may move."""
    if len(data.nla_tracks):
        return
    moved = {curve.data_path for curve in (*compat.curves(data), *data.drivers)}
    for name in _LYING:
        if name not in moved:
            yield f"{name} {[round(value, _DIGITS) for value in getattr(thing, name)]}"


def _file(path: str) -> str:
    """Returns a file's name and size, not its modification time, which differs in a copied project."""
    file = Path(bpy.path.abspath(path))
    try:
        return f"file {file.name} {file.stat().st_size}"
    except OSError:
        return f"file {file.name} missing"
