"""Through which of our mask strips a clip is shown: through one at most, since Blender multiplies several."""

from __future__ import annotations

from typing import Any

from .masks import COPY_KEY, MASK_KEY
from .strips import Place, pieces


def show_through(scene: Any, place: Place, key: str, composes: bool) -> None:
    """Leaves a clip's strip, and its halves, the Mask modifier of one of our mask strips, or takes it away.

    Args:
        scene: the scene with the strip.
        place: the clip's strip.
        key: of the mask strip, as in `masks.write`.
        composes: True = those of our other mask strips are removed, False = its own are.
    """
    for piece in pieces(scene, place.strip):
        for modifier in [m for m in piece.strip.modifiers if m.type == "MASK" and m.input_mask_strip is not None]:
            fed_by = _key(modifier.input_mask_strip)
            if fed_by and (fed_by != key) == composes:
                piece.strip.modifiers.remove(modifier)


def _key(mask: Any) -> str:
    return str(mask.get(MASK_KEY) or mask.get(COPY_KEY) or "")
