"""Whether what is written of the cutouts is what the artist sees: asked before a render, and by the panel."""

from __future__ import annotations

from typing import Any

from ..core.errors import CutoutError, InputError, StripError
from ..core.types import Form
from ..host import compat, strips
from ..host.output import forms, picture_strip
from . import properties, tracks

_WRITE = "Press Write Strips, then render."


def form_of(form: str, inverted: bool) -> str:
    """How a cutout was written, as `written_as` keeps it."""
    return f"{form}-inverted" if inverted else form


def written_form(track: Any) -> Form:
    """The form in which a cutout was written last."""
    return form_named(track.written_as.partition("-")[0])


def form_named(name: str) -> Form:
    """The form of that name; masks for a name that no form has."""
    return Form(name) if name in [form.value for form in Form] else Form.MASK


def is_shown(strip: Any, track: Any) -> bool:
    """True when the clip is seen through what was written of a cutout, alone or with the strip's other objects."""
    form, scene = written_form(track), strip.id_data
    return any(forms.is_shown(scene, strip, key, form) for key in (track.uuid, track.strip_uuid))


def check(scene: Any) -> None:
    """Raises InputError when the composite would not show the cutouts as they are; names the first such cutout.

    Cutouts whose strip is gone, and other clips' cutouts that were never written, are left out.
    """
    active = properties.active_track(scene)
    for track in scene.cutout.tracks:
        try:
            strip = strips.find(scene, track.strip_uuid, track.strip_name).strip
        except StripError:
            continue
        if track.strip_uuid == active.strip_uuid:
            if track not in tracks.written(scene, active) or (track != active and not track.done_count):
                continue
        elif not track.written_head:
            continue
        _check(scene, strip, track)


def _check(scene: Any, strip: Any, track: Any) -> None:
    if not track.written_head:
        raise InputError(f"The strips of {track.name} are not written yet.", _WRITE)
    changed = track.written_head != track.head
    if changed or (track.written_as or Form.MASK.value) != form_of(track.write_as, track.write_inverted):
        what = "masks have changed since its strips were written" if changed else "strips are written in another form"
        raise InputError(f"{track.name}: the {what}.", _WRITE)
    if not is_shown(strip, track):
        raise InputError(
            f"{track.name}: its clip is not shown through what was written.",
            "A strip or modifier was removed or muted. " + _WRITE,
        )
    form = written_form(track)
    for key in (track.uuid, track.strip_uuid):
        if not forms.is_shown(scene, strip, key, form):
            continue
        for part in forms.parts(scene, strip, key, form):
            if picture_strip.span(part) != picture_strip.span(strip) and len(strips.pieces(scene, strip)) == 1:
                raise InputError(f"{track.name}: its clip was moved or trimmed since its strips were written.", _WRITE)


def warning(scene: Any) -> str:
    """What the artist may not expect of a render; "" = nothing."""
    if not scene.render.use_sequencer:
        return "Sequencer is off in the output properties."
    active = properties.active_track(scene)
    try:
        strip = strips.find(scene, active.strip_uuid, active.strip_name).strip
    except StripError:
        return ""
    left, right = (round(compat.time_get(strip, n)) for n in ("frame_final_start", "frame_final_end"))
    if scene.frame_start >= right or scene.frame_end < left:
        return "The clip lies outside of the frames that are rendered."
    return ""


def strokes_shown(scene: Any) -> bool:
    """Whether applied strokes are to be seen: not while the mask is hidden, nor over the finished composite."""
    if not scene.cutout.show_mask:
        return False
    if not len(scene.cutout.tracks):
        return True
    track = properties.active_track(scene)
    try:
        strip = strips.find(scene, track.strip_uuid, track.strip_name).strip
    except CutoutError:
        return True
    return not is_composed(strip, track)


def is_composed(strip: Any, track: Any) -> bool:
    """True when the composite shows the cutout's mask as it is now, alone or with the strip's other objects."""
    if track.head != track.written_head:
        return False
    return is_shown(strip, track)
