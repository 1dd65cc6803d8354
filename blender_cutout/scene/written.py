"""Checks whether the written strips match the current masks, before a render and for the panel."""

from __future__ import annotations

from typing import Any

from ..core.errors import CutoutError, InputError, StripError
from ..core.types import Form
from ..host import compat, strips
from ..host.output import clip_view
from ..host.output.forms import FORMS
from . import chosen_effects, edge_settings, properties, track_lookup

_WRITE = "Press Write Strips, then render."


def form_of(form: str, inverted: bool) -> str:
    """Returns the value of `written_as` for a form."""
    return f"{form}-inverted" if inverted else form


def wanted(track: Any) -> str:
    """Returns the value that `written_as` has after the next Write Strips."""
    if form_named(track.write_as) is not Form.EFFECT:
        return form_of(track.write_as, track.write_inverted)
    return chosen_effects.written_text(chosen_effects.of_track(track))


def written_form(track: Any) -> Form:
    """Returns the form in which a cutout was last written."""
    return form_named(track.written_as.partition("-")[0])


def form_named(name: str) -> Form:
    """Returns the form of that name; the mask form for an unknown name."""
    return Form(name) if name in [form.value for form in Form] else Form.MASK


def is_shown(strip: Any, track: Any) -> bool:
    """Returns True if the clip is shown through a cutout's written strips, alone or with other objects."""
    form, scene = FORMS[written_form(track)], strip.id_data
    return any(form.is_shown(scene, strip, key) for key in (track.uuid, track.strip_uuid))


def check(scene: Any) -> None:
    """Raises InputError if the composite does not show the current masks; names the first such cutout.

    Cutouts whose strip is gone, and cutouts of other clips that were never written, are skipped.
    """
    active = properties.active_track(scene)
    for track in scene.cutout.tracks:
        try:
            strip = strips.find(scene, track.strip_uuid, track.strip_name).strip
        except StripError:
            continue
        if track.strip_uuid == active.strip_uuid:
            if track not in track_lookup.written(scene, active) or (track != active and not track.done_count):
                continue
        elif not track.written_head:
            continue
        _check(scene, strip, track)


def _check(scene: Any, strip: Any, track: Any) -> None:
    if not track.written_head:
        raise InputError(f"The strips of {track.name} are not written yet.", _WRITE)
    changed = track.written_head != track.head
    if changed or (track.written_as or Form.MASK.value) != wanted(track):
        what = "masks have changed since its strips were written" if changed else "strips are written in another form"
        raise InputError(f"{track.name}: the {what}.", _WRITE)
    if not edge_settings.is_written(track):
        raise InputError(f"{track.name}: the edge settings have changed since its strips were written.", _WRITE)
    if not is_shown(strip, track):
        raise InputError(
            f"{track.name}: its clip is not shown through its written strips.",
            "A strip or modifier was removed or muted. " + _WRITE,
        )
    form = FORMS[written_form(track)]
    for key in (track.uuid, track.strip_uuid):
        for part in form.parts(strip) if form.is_shown(scene, strip, key) else ():
            if compat.span(part) != compat.span(strip) and len(strips.pieces(scene, strip)) == 1:
                raise InputError(f"{track.name}: its clip was moved or trimmed since its strips were written.", _WRITE)


def warning(scene: Any) -> str:
    """Returns a warning about an unexpected render result; "" = none."""
    if not scene.render.use_sequencer:
        return "Sequencer is turned off in the output properties."
    active = properties.active_track(scene)
    try:
        strip = strips.find(scene, active.strip_uuid, active.strip_name).strip
    except StripError:
        return ""
    left, right = (round(compat.time_get(strip, n)) for n in ("frame_final_start", "frame_final_end"))
    if scene.frame_start >= right or scene.frame_end < left:
        return "The clip lies outside the rendered frames."
    return ""


def strokes_shown(scene: Any) -> bool:
    """Returns whether applied strokes are shown: not while the mask is hidden, nor over the finished composite."""
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
    """Returns True if the composite shows the cutout's current mask, alone or with other objects."""
    is_current = track.head == track.written_head and edge_settings.is_written(track)
    if not is_current or clip_view.is_uncut(strip):
        return False
    return is_shown(strip, track)
