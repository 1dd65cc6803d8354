"""Tests that every setting has a tooltip. For the buttons see `test_keymap`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.bpy
INTERNAL = {
    "CutoutStroke": {"key", "label", "frame", "radius", "points"},
    "CutoutTrack": {
        *("uuid", "strip_uuid", "strip_name", "folder", "head", "frame_count", "width", "height", "keyframes"),
        *("keyframe_count", "done_count", "mattes", "applied", "strokes", "written_head", "written_as"),
        *(
            "locks",
            "locked_frames",
            "confidence",
            "doubtful",
            "drawn",
            "edge",
            "written_edge",
            "detail_strokes",
            "effects",
        ),
        *("corrected", "later", "later_text", "versions", "rejected", "rejected_frames", "absences", "absent_frames"),
    },
    "CutoutEdge": set(),
    "CutoutQueueRow": {"name", "title", "state", "text", "frames"},
    "CutoutScene": {"tracks", "active_index", "preview_back", "begun", "begun_text"},
    "CutoutStatus": {
        *("text", "hint", "level", "busy", "stage", "progress", "lost", "engine", "tier", "tier_here"),
        *("frames_busy", "frames_text", "frames_share", "queue", "queue_index"),
    },
}
"""Properties that no panel shows."""


def _operators(blender: Any) -> Iterator[tuple[str, Any]]:
    for name in sorted(dir(blender.ops.cutout)):
        yield name, getattr(blender.ops.cutout, name).get_rna_type()


def _own(rna: Any) -> list[Any]:
    """Returns a type's properties, without those that every type has."""
    return [p for p in rna.properties if p.identifier not in ("rna_type", "name")]


def test_operators_settings_have_tooltips(blender: Any) -> None:
    operators = dict(_operators(blender))
    assert {"new", "apply_strokes", "propagate", "write_strips", "render"} <= set(operators)
    for name, rna in operators.items():
        for item in _own(rna):
            assert item.description, f"{name}: {item.identifier}"


def test_properties_have_tooltips(blender: Any) -> None:
    from blender_cutout.scene import properties
    from blender_cutout.ui import preferences

    for cls in (*properties.CLASSES, preferences.CutoutPreferences):
        for item in _own(cls.bl_rna):
            # What Blender's own base types bring has its tooltips from Blender.
            if item.identifier in cls.__annotations__ and item.identifier not in INTERNAL.get(cls.__name__, ()):
                assert item.description, f"{cls.__name__}: {item.identifier}"
                for choice in getattr(item, "enum_items", ()):
                    assert choice.description, f"{cls.__name__}: {item.identifier} {choice.identifier}"


def test_list_of_internal_values_is_up_to_date(blender: Any) -> None:
    from blender_cutout.scene import properties

    for cls in properties.CLASSES:
        assert INTERNAL[cls.__name__] <= set(cls.__annotations__), cls.__name__


def test_keep_and_remove_say_what_each_does(blender: Any) -> None:
    from types import SimpleNamespace

    from blender_cutout.operators.tracks import CUTOUT_OT_brush

    keep, remove = (
        CUTOUT_OT_brush.description(blender.context, SimpleNamespace(label=label)) for label in ("keep", "remove")
    )
    assert "to keep" in keep
    assert "to remove" in remove
    assert keep != remove
