"""What the Cutout Brush draws."""

from __future__ import annotations

STROKE, PAINT, LASSO, BOX = "STROKE", "PAINT", "LASSO", "BOX"

ITEMS = (
    (STROKE, "Strokes", "Draw over what to keep; Ctrl: over what to remove"),
    (PAINT, "Paint", "Paint the mask itself; later strokes leave these pixels alone. Hold Ctrl to erase"),
    (
        LASSO,
        "Lasso",
        "Fill the area that you draw around, exactly; Ctrl erases it. Click for a polygon, Enter closes it",
    ),
    (BOX, "Box", "Drag a box around the object for a first guess of its mask"),
)
"""Modes as Blender's EnumProperty takes them: identifier, name, tooltip."""
KEYS = {STROKE: "ONE", PAINT: "TWO", LASSO: "THREE", BOX: "FOUR"}
"""The keys over the preview while the brush is active."""


def tooltip_of(mode: str) -> str:
    """Returns the tooltip of a mode's button; "" for strokes, whose button starts the brush."""
    return "" if mode == STROKE else next(text for name, _, text in ITEMS if name == mode)
