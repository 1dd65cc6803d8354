"""The bounds of the edge settings. Imports nothing: Blender needs them at every start, the settings only later."""

from __future__ import annotations

MOST_PX = 100.0
"""Most pixels by which an edge is moved or softened."""

BOUNDS: dict[str, tuple[float, float]] = {
    "detail": (0.0, 1.0),
    "width": (0.0, MOST_PX),
    "grow": (-MOST_PX, MOST_PX),
    "feather": (0.0, MOST_PX),
    "clip_black": (0.0, 0.99),
    "clip_white": (0.0, 0.99),
    "smooth": (0.0, MOST_PX),
    "fill_holes": (0.0, 1000.0),
    "remove_dots": (0.0, 1000.0),
    "decontaminate": (0.0, 1.0),
}
"""Lowest and highest value of each setting."""
