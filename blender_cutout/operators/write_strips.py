"""Operator that writes the masks into the sequencer."""
# No `from __future__ import annotations`: see CONTRIBUTING.md.
# mypy: disable-error-code="valid-type"

import os
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import bpy
from bpy.props import StringProperty

from ..client.job_queue import Job
from ..core import atomic
from ..core.errors import CutoutError, InputError, ProtocolError, StoreError
from ..core.types import Form
from ..host import compat, storage, strips
from ..host.interface_language import tooltip
from ..host.output import effect, forms, mask_strip
from ..host.output.mask_strip import show_through
from ..scene import chosen_effects, edge_settings, preview_mode, properties, track_lookup, written
from ..scene.panel_settings import ON_BACKGROUND
from ..scene.track_lookup import Batch
from ..tasks import jobs
from .base import JobOperator, Reporting, Waiting, WithTrack, opened_track

if TYPE_CHECKING:
    from ..core.messages import Done

_EFFECT = StringProperty(name="Effect", description="Which effect; empty = all", options={"SKIP_SAVE"})
_SHARED = ("write_as", "write_inverted", "effect", "effect_on", "effect_size", "effects")


class _WriteStrips(Waiting, JobOperator):
    """Makes or updates the strips of the composite, in the form chosen under Output."""

    def start(self, context: Any) -> Job:
        """Asks the engine to write one mask per timeline frame of the strip; the strips are made afterwards."""
        scene, track = opened_track(context)
        if not any(one.done_count for one in track_lookup.written(scene, track)):
            raise InputError("There is no mask to write yet.", "Draw strokes and apply them, or press Auto, first.")
        strip = strips.find(scene, track.strip_uuid, track.strip_name).strip
        times = strips.time_map(scene, strip, track.frame_count)
        frames = times.clip_frames()
        keyed = any(map(edge_settings.is_keyed, track_lookup.written(scene, track)))
        if len(set(frames)) == 1 and not keyed:  # a still picture: one mask for its whole length
            frames = frames[:1]
        for one in track_lookup.of_clip(scene, track):  # objects written together share one form
            for name in _SHARED:
                setattr(one, name, getattr(track, name))
        parts = [part for batch in track_lookup.batches(scene, track) for part in _parts(batch, track)]
        return [_write(scene, part, frames, times.left, last=part is parts[-1]) for part in parts][-1]


class CUTOUT_OT_write_strips(_WriteStrips, bpy.types.Operator):
    """Make or update the strips of the composite, in the form chosen under Output."""

    bl_idname = "cutout.write_strips"
    bl_label = "Write Strips"
    bl_description = (
        "Make or update the clip's mask strip and Mask modifier, or the form chosen under Output, and show the "
        "composite at once"
    )


class CUTOUT_OT_apply_effect(_WriteStrips, bpy.types.Operator):
    """Blur, pixelate, desaturate or grade the background or the object."""

    bl_idname = "cutout.apply_effect"
    bl_label = "Apply Effect"
    bl_description = (
        "Blur, pixelate, desaturate or grade the background or the object, over the effects that are there: writes the "
        "strips as Effect. The clip stays whole, and the strips render without the add-on"
    )

    def start(self, context: Any) -> Job:
        """Chooses the form, adds the effect and writes the strips."""
        track = properties.active_track(compat.sequencer_scene(context))
        before = track.write_as, track.effects
        chosen_effects.add(track, chosen_effects.in_panel(track))
        track.write_as = Form.EFFECT.value
        try:
            return super().start(context)
        except CutoutError:
            track.write_as, track.effects = before
            raise


class CUTOUT_OT_remove_effect(WithTrack, Reporting, bpy.types.Operator):
    """Remove one effect or all; the clip stays whole."""

    bl_idname = "cutout.remove_effect"
    bl_label = "Remove Effects"
    bl_description = "Remove the strips of all effects, and choose Mask Strip for the next Write Strips"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender wants a plain set)
    needs_result = True

    effect: _EFFECT

    @classmethod
    def description(cls, context: Any, properties: Any) -> str:
        """Returns the tooltip."""
        return tooltip("Remove the strips of this effect; the others stay" if properties.effect else cls.bl_description)

    def run(self, context: Any) -> set[str]:
        """Removes the strips."""
        scene = compat.sequencer_scene(context)
        track = properties.active_track(scene)
        place = strips.find(scene, track.strip_uuid, track.strip_name)
        left = [one for one in chosen_effects.applied(track) if one.id != self.effect] if self.effect else []
        if left:
            for key in track_lookup.keys(scene, track):
                effect.remove(scene, place, key, self.effect)
            for one in track_lookup.of_clip(scene, track):
                chosen_effects.store(one, left)
                if written.written_form(one) is Form.EFFECT:
                    one.written_as = written.wanted(one)
            jobs.say("INFO", "The effect was removed.")
            return {"FINISHED"}
        for key in track_lookup.keys(scene, track):
            effect.remove(scene, place, key)
        for one in track_lookup.of_clip(scene, track):
            one.effects = ""
            if written.written_form(one) is Form.EFFECT:
                one.written_head = one.written_as = ""
            if written.form_named(one.write_as) is Form.EFFECT:
                one.write_as = Form.MASK.value
        jobs.say("INFO", "The effect was removed.")
        return {"FINISHED"}


class CUTOUT_OT_invert(WithTrack, Reporting, bpy.types.Operator):
    """Keep the background and remove the object, or the other way round."""

    bl_idname = "cutout.invert"
    bl_label = "Invert Cutout"
    bl_description = "Swap object and background; takes effect at the next Write Strips"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender wants a plain set)

    def run(self, context: Any) -> set[str]:
        """Inverts the choice under Output."""
        track = properties.active_track(compat.sequencer_scene(context))
        track.write_inverted = not track.write_inverted
        what = "The background is kept" if track.write_inverted else "The object is kept"
        jobs.say("INFO", f"{what} from the next Write Strips on.")
        return {"FINISHED"}


class _Part(NamedTuple):
    """What is written at once: a batch, or of one with effects those on one side of the masks, which share pictures.

    Attributes:
        batch: the cutouts.
        form: in which form.
        inverted: the masks show the background.
        effects: for the form EFFECT.
        completes: the batch has no part after this.
    """

    batch: Batch
    form: Form
    inverted: bool
    effects: tuple[effect.Effect, ...] = ()
    completes: bool = True


def _parts(batch: Batch, track: Any) -> list[_Part]:
    """Returns the parts of a batch; `track` has the choices under Output."""
    form = written.form_named(track.write_as) if batch.composes else Form.MASK
    if form is not Form.EFFECT:
        return [_Part(batch, form, batch.composes and track.write_inverted)]
    found = chosen_effects.of_track(track)
    by_side = {side: tuple(one for one in found if one.on == side) for side in chosen_effects.SIDES}
    parts = [_Part(batch, form, side == ON_BACKGROUND, some, False) for side, some in by_side.items() if some]
    return [*parts[:-1], parts[-1]._replace(completes=True)]


def _write(scene: Any, part: _Part, frames: tuple[int, ...], left: int, last: bool) -> Job:
    """Asks the engine to write a part's masks, then makes its strips; only the last part adds an undo step.

    Args:
        scene: the scene of its cutouts.
        part: what to write.
        frames: the clip frame of each timeline frame.
        left: the first timeline frame.
        last: there is no part after it.
    """
    from ..core.messages import Export

    batch, form, inverted = part[:3]
    first, *others = [one for one in scene.cutout.tracks if one.uuid in batch.tracks]
    place = storage.track_folder(first)
    written_as = written.wanted(first)
    folder = place / "union" if batch.is_union else mask_strip.folder_of(place)
    end = "object" if part.effects and not inverted else form.value
    folder = folder.with_name(f"{folder.name}-{end}") if form is not Form.MASK else folder
    if os.path.lexists(folder) and not atomic.is_folder(folder):
        raise StoreError(
            f"{folder} is a link or not a folder, so nothing is written there.", "Remove it, and try again."
        )
    uuid, uuids = first.uuid, tuple(one.uuid for one in others)
    edges = tuple(edge_settings.plan(one, range(left, left + len(frames))) for one in (first, *others))
    details = tuple(map(edge_settings.details, (first, *others)))
    marks = {one.uuid: edge_settings.mark(one) for one in (first, *others)}
    return jobs.submit(
        scene,
        first,
        "Writing masks",
        lambda job: Export(job, uuid, frames, str(folder), uuids, form.value, inverted, edges=edges, details=details),
        then=lambda done: _make_strips(part, folder, written_as, marks, done),
        undo="Write Strips" if last else "",
        others=others,
    )


def _make_strips(
    part: _Part, folder: Path, written_as: str, marks: Mapping[str, str], done: "Done"
) -> Generator[float, None, str | None]:
    """Makes the strips step by step once the pictures exist; returns a summary.

    Args:
        part: what was written.
        folder: with the pictures.
        written_as: the cutouts' new `written_as`.
        marks: uuid -> `edge_settings.mark`.
        done: the engine's answer.
    """
    batch, form, inverted = part[:3]

    def place_now() -> tuple[Any, strips.Place]:
        pair = properties.track_by_uuid(batch.tracks[0])
        if pair is None:
            raise InputError("The cutout was removed while its strips were being made.", "Undo that, and write again.")
        return pair[0], strips.find(pair[0], pair[1].strip_uuid, pair[1].strip_name)

    if properties.track_by_uuid(batch.tracks[0]) is None:
        return ""
    pictures, missing = done.result.get("count"), done.result.get("missing")
    if type(pictures) is not int or type(missing) is not int or pictures < 1:
        raise ProtocolError(
            "The engine did not report how many masks it wrote.", "Restart the engine, and write again."
        )
    followed = True
    for look in part.effects or (None,):
        if look is not None:
            effect.ask(place_now()[1].strip, look)
        yield from forms.FORMS[form].prepare(place_now, batch.key, batch.name, folder, pictures)
        scene, place = place_now()
        preview_mode.reveal(scene)
        if look is not None:
            effect.ask(place.strip, look)
        followed = forms.write(scene, place, batch.key, batch.name, folder, pictures, form) and followed
    found = [pair for uuid in batch.tracks if (pair := properties.track_by_uuid(uuid))]
    scene, track = found[0]
    show_through(scene, place, batch.key, batch.composes)
    if batch.composes and part.completes:
        for id in effect.ids(scene, batch.key) - {one.id for one in chosen_effects.of_track(track)}:
            effect.remove(scene, place, batch.key, id)
        for key in track_lookup.keys(scene, track) - {b.key for b in track_lookup.batches(scene, track)}:
            forms.remove(scene, place, key)  # from an earlier choice
        for _, one in found:
            one.written_head, one.written_as = one.head, written_as
            one.written_edge = marks[one.uuid]
    if lacking := forms.FORMS[form].lacks(place.strip):
        jobs.say("WARNING", *lacking)
    if missing:
        rest = "unchanged" if inverted else "empty"
        jobs.say("WARNING", f"{missing} of {pictures} frames have no mask and stay {rest}.", "Propagate to fill them.")
    if not followed:
        jobs.say(
            "WARNING",
            "The strip's transform has drivers.",
            "Bake it to keyframes and write again; otherwise masks drift.",
        )
    preview_mode.go_back(scene)
    preview_mode.apply(scene)
    one, many = forms.FORMS[form].words
    return f"Wrote {pictures} {one if pictures == 1 else many}."


CLASSES = (CUTOUT_OT_write_strips, CUTOUT_OT_apply_effect, CUTOUT_OT_remove_effect, CUTOUT_OT_invert)
