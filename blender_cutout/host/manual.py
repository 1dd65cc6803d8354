"""Leads F1 over the add-on's buttons and settings to the manual, which the extension holds as pages for a browser."""

from __future__ import annotations

from pathlib import Path

import bpy

_HERE = Path(__file__).resolve().parents[1]
_PAGES = (_HERE / "manual" / "manual.html", _HERE.parent / "docs" / "manual.md")
"""In an installed extension, and in a checkout."""
_KINDS = (("edge*", "edge"), ("preferences*", "tiers"), ("*", "strokes"))
"""Kinds of settings, and their sections."""
_OPERATORS, _TYPES = "bpy.ops.cutout.", "bpy.types.cutout"
_SECTIONS = (
    ("which-frame-is-wrong", ("worst_frame", "go_to_frame", "*_frames", "mark_absent", "propagate")),
    ("several-objects", ("new", "remove", "select", "propagate_all")),
    ("edge", ("edge_*",)),
    ("output-and-files", ("write_strips", "apply_effect", "remove_effect", "replace_background", "render", "invert")),
    ("output-and-files", ("import_mattes", "export_*", "*_version", "take_*", "keep_file")),
    ("tiers", ("set_up_engine", "check_installation", "*_tier", "*_published", "restart_engine")),
    ("strokes", ("*",)),
)
"""Sections of the manual, and the operators they describe; the first that fits."""


def address(section: str = "") -> str:
    """Returns the manual's address, or that of one of its sections."""
    page = next((page for page in _PAGES if page.is_file()), _PAGES[0])
    return page.as_uri() + (f"#{section}" if section else "")


def _mapping() -> tuple[str, tuple[tuple[str, str], ...]]:
    """Returns what Blender asks for: the start of all addresses, and (pattern of its lower-case names, the rest)."""
    operators = [(_OPERATORS + name, section) for section, names in _SECTIONS for name in names]
    kinds = [(_TYPES + name, part) for name, part in _KINDS]
    return address(), tuple((pattern, f"#{section}") for pattern, section in (*operators, *kinds))


def register() -> None:
    """Adds the manual to those of Blender."""
    bpy.utils.register_manual_map(_mapping)


def unregister() -> None:
    """Removes it."""
    bpy.utils.unregister_manual_map(_mapping)
