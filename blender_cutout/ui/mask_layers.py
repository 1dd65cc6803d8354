"""Chooses which masks the preview shows and how: tint, outline, checkerboard or black and white."""

# No `from __future__ import annotations`: see CONTRIBUTING.md.

from pathlib import Path
from typing import Any, NamedTuple

from ..geometry.mask_looks import CHECKER, GREY, OUTLINE, MaskLook, look
from ..geometry.picture_map import PictureMap
from ..host import annotations, strips
from ..scene import frame_spans, track_lookup
from ..scene.panel_settings import SHOWS_CLIP
from ..scene.written import is_composed
from ..tasks import edge_preview, jobs


class Layer(NamedTuple):
    """Masks drawn as one (their sum), the look, and the size (height, width)."""

    files: tuple[Path, ...]
    look: MaskLook
    size: tuple[int, int]


def find_layers(scene: Any) -> tuple[list[Layer], PictureMap | None]:
    """Returns the masks to show now, bottom layer first, and the map of their picture (None = no masks).

    Nothing is shown while the strip is hidden, or where the composite already shows the object's current mask. Looks
    that cover the picture use one layer for all objects; otherwise each object has its own.

    Raises:
        CutoutError: the strip is gone, or cannot be mapped.
    """
    if scene.cutout.preview_shows == SHOWS_CLIP:
        return [], None
    tracks = [track for track in track_lookup.shown(scene) if track.frame_count]
    if not tracks:
        return [], None
    place = strips.find(scene, tracks[0].strip_uuid, tracks[0].strip_name)
    strip = place.strip
    if strip.mute or not strips.is_open(scene, place):
        return [], None
    frame = frame_spans.shown_now(scene, strip, tracks[0])
    if frame is None:
        return [], None
    found = [
        (track, edge_preview.previews.file(track, frame, path))
        for track in tracks
        if not is_composed(strip, track) and (path := jobs.matte_file(track, frame)) is not None
    ]
    if not found:
        return [], None
    picture = strips.picture_map(scene, strip, (tracks[0].width, tracks[0].height))
    size = tracks[0].height, tracks[0].width
    if scene.cutout.mask_view in (CHECKER, GREY) and not annotations.is_drawing():
        return [Layer(tuple(path for _, path in found), chosen_look(scene, found[0][0]), size)], picture
    return [Layer((path,), chosen_look(scene, track), size) for track, path in found], picture


def chosen_look(scene: Any, track: Any) -> MaskLook:
    """Returns the look of a cutout's mask as chosen in the panel."""
    data = scene.cutout
    view, opacity = data.mask_view, data.mask_opacity
    if view in (CHECKER, GREY):
        if annotations.is_drawing():  # a look that covers the picture would hide the stroke
            view = OUTLINE
        else:
            opacity = data.cover_opacity
    red, green, blue = track.colour
    return look(view, (red, green, blue), opacity)
