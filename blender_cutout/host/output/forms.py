"""The forms in which a cutout is written into the sequencer; each cutout has one at a time.

A compositor modifier (Blender 5.0 and later) is deliberately not among them: it is several times slower than the Mask
modifier (docs/speed.md, "Not used"), its Image node counts the scene's frames and so must be rebuilt whenever the clip
moves, and Blender 4 drops it. For a soft edge on a transformed clip, transform a meta strip around the clip instead.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any, Protocol

import bpy

from ...core.errors import InputError
from ...core.types import Form
from .. import compat, contents
from ..strips import Place, pieces
from . import effect, mask_alignment, mask_splines, mask_strip, picture_strip, rgba_strip, spline_alignment

_AT_ONCE = 1000
"""Most pictures added to a strip in one go; more would be noticeable."""
_BIT = 0.01

Find = Callable[[], "tuple[Any, Place]"]
"""Returns the scene and the clip's place as they are now: between two small steps the artist may change them."""


class OutputForm(Protocol):
    """One form of a written cutout. `key` names the cutout, or the clip for several objects together."""

    @property
    def words(self) -> tuple[str, str]:
        """The name of one of its frames in messages: singular, plural."""

    def prepare(self, place: Find, key: str, name: str, folder: Path, pictures: int) -> Generator[float, None, None]:
        """Does the slow part of `write` in small steps, before it; yields the progress, 0 to 1."""

    def write(self, scene: Any, place: Place, key: str, name: str, folder: Path, pictures: int) -> bool:
        """Writes what the sequencer shows; returns False if the clip's transform could not be followed."""

    def remove(self, scene: Any, place: Place | None, key: str) -> None:
        """Removes what was written; the files stay."""

    def is_shown(self, scene: Any, strip: Any, key: str) -> bool:
        """Returns whether it is written and the clip is shown through it."""

    def parts(self, strip: Any) -> list[Any]:
        """Returns the strips of ours that must stay on the clip."""

    def keep(self, scene: Any) -> list[tuple[str, str]]:
        """Realigns what is written with its clips; returns the problems, as text and hint."""

    def lacks(self, strip: Any) -> tuple[str, str] | None:
        """Returns what the form does not show of the clip, as text and hint; None = it shows everything."""


class _Pictures(ABC):
    """Base of the two forms that are strips of pictures."""

    title = ""
    mark = ""

    @abstractmethod
    def find(self, scene: Any, key: str, clip: Any) -> Any:
        """Returns a strip of that form for the clip; None if there is none."""

    def prepare(self, place: Find, key: str, name: str, folder: Path, pictures: int) -> Generator[float, None, None]:
        """Adds a long strip's pictures step by step: Blender copies the whole list each time one is added."""
        made, suffix = False, picture_strip.suffix_in(folder)
        try:
            while pictures > _AT_ONCE:
                scene, found = place()
                strip = self.find(scene, key, found.strip)
                if strip is None and made:
                    raise InputError("The strip was undone while it was being written.", "Press Write Strips again.")
                if strip is None:
                    channel, left = picture_strip.free_channel(found), compat.span(found.strip)[0]
                    strip = picture_strip.add(found.siblings, f"{name} {self.title}", folder, channel, left)
                    strip[self.mark] = key
                    strip.mute = made = True
                until = time.monotonic() + _BIT
                while (count := len(strip.elements)) < pictures:
                    strip.elements.append(contents.picture_name(count, suffix))
                    if time.monotonic() > until:
                        break
                else:
                    return
                yield count / pictures
        except BaseException:
            scene, found = place()
            if made and (strip := self.find(scene, key, found.strip)) is not None:
                found.siblings.remove(strip)
            raise


class MaskStrip(_Pictures):
    """A strip of masks, which a Mask modifier applies to the clip."""

    words = ("mask", "masks")
    title, mark = "mask", mask_strip.MASK_KEY
    write = staticmethod(mask_strip.write)
    remove = staticmethod(mask_strip.remove)
    keep = staticmethod(mask_alignment.keep)

    def find(self, scene: Any, key: str, clip: Any) -> Any:
        """Returns the strip of masks; None if there is none."""
        return mask_strip.find(scene, key)

    def is_shown(self, scene: Any, strip: Any, key: str) -> bool:
        """Returns whether the clip is shown through it."""
        return mask_strip.is_applied(strip, key)

    def parts(self, strip: Any) -> list[Any]:
        """Returns the strips that feed the clip's Mask modifiers."""
        return [m.input_mask_strip for m in strip.modifiers if m.type == "MASK" and m.input_mask_strip is not None]

    def lacks(self, strip: Any) -> tuple[str, str] | None:
        """Returns None: the clip itself is shown."""
        return None


class RgbaStrip(_Pictures):
    """A strip of pictures with alpha in the place of the clip, which is muted; the artist may move it."""

    words = ("picture with alpha", "pictures with alpha")
    title, mark = "cutout", rgba_strip.CUTOUT_KEY
    write = staticmethod(rgba_strip.write)
    remove = staticmethod(rgba_strip.remove)
    keep = staticmethod(rgba_strip.keep)

    def find(self, scene: Any, key: str, clip: Any) -> Any:
        """Returns the first strip with alpha; None if there is none."""
        return next((p.strip for p in rgba_strip.find(scene, key)), None)

    def is_shown(self, scene: Any, strip: Any, key: str) -> bool:
        """Returns whether it is shown instead of the clip."""
        return bool(strip.mute) and any(not p.strip.mute for p in rgba_strip.find(scene, key))

    def parts(self, strip: Any) -> list[Any]:
        """Returns an empty list: it may be moved."""
        return []

    def lacks(self, strip: Any) -> tuple[str, str] | None:
        """Returns that the clip's modifiers are missing, if it has any."""
        if all(m.mute for m in strip.modifiers):
            return None
        return "The clip has modifiers that its RGBA strip lacks.", "Copy them to the new strip."


class EffectStrips(_Pictures):
    """A strip of masks, and Blender's own strips above the whole clip, which show an effect where the masks are.

    A clip may have several effects: each is prepared and written on its own, after `effect.ask`.
    """

    words = ("mask", "masks")
    title, mark = "mask", effect.MASK_OF_EFFECT
    remove = staticmethod(effect.remove)
    keep = staticmethod(effect.keep)

    def write(self, scene: Any, place: Place, key: str, name: str, folder: Path, pictures: int) -> bool:
        """Writes the effect that the clip's strip asks for, see `effect.wanted`."""
        return effect.write(scene, place, key, name, folder, pictures, effect.wanted(place.strip))

    def find(self, scene: Any, key: str, clip: Any) -> Any:
        """Returns a strip of masks of the effect that the clip's strip asks for; None if there is none."""
        return effect.find(scene, key, effect.wanted(clip).id)

    def is_shown(self, scene: Any, strip: Any, key: str) -> bool:
        """Returns whether the effect is shown over the clip."""
        return effect.is_shown(scene, key)

    def parts(self, strip: Any) -> list[Any]:
        """Returns the visible strips over the clip; those of a split clip follow their own pieces."""
        return effect.shown_over(strip.id_data, strip)

    def lacks(self, strip: Any) -> tuple[str, str] | None:
        """Returns None: the clip itself is shown."""
        return None


class MaskSplines:
    """Splines in a Mask data-block, which a Mask modifier applies to the clip."""

    words = ("frame of splines", "frames of splines")
    keep = staticmethod(spline_alignment.keep)

    def prepare(self, place: Find, key: str, name: str, folder: Path, pictures: int) -> Generator[float, None, None]:
        """See `mask_splines.prepare`."""
        yield from mask_splines.prepare(place, key, folder / mask_splines.FILE)

    def write(self, scene: Any, place: Place, key: str, name: str, folder: Path, pictures: int) -> bool:
        """Uses the prepared splines and shows every piece of the clip through them."""
        followed = mask_splines.put(scene, place, key, name, pictures)
        for piece in pieces(scene, place.strip):
            _modifier(scene, piece.strip, mask_splines.find(key))
        return followed

    def remove(self, scene: Any, place: Place | None, key: str) -> None:
        """Removes the Mask data-block and the modifiers that use it."""
        mask = mask_splines.find(key)
        if mask is None:
            return
        for piece in pieces(scene, place.strip) if place is not None else ():
            for modifier in [m for m in piece.strip.modifiers if m.type == "MASK" and m.input_mask_id == mask]:
                if modifier.input_mask_type == "ID":
                    piece.strip.modifiers.remove(modifier)
                else:
                    modifier.input_mask_id = None  # by now it shows the clip through a mask strip
        bpy.data.masks.remove(mask)

    def is_shown(self, scene: Any, strip: Any, key: str) -> bool:
        """Returns whether the clip is shown through them."""
        mask = mask_splines.find(key)
        return mask is not None and any(
            m.type == "MASK" and m.input_mask_id == mask and not m.mute for m in strip.modifiers
        )

    def parts(self, strip: Any) -> list[Any]:
        """Returns an empty list: splines are not strips."""
        return []

    def lacks(self, strip: Any) -> tuple[str, str] | None:
        """Returns None: the clip itself is shown."""
        return None


FORMS: Mapping[Form, OutputForm] = {
    Form.MASK: MaskStrip(),
    Form.CUTOUT: RgbaStrip(),
    Form.SPLINES: MaskSplines(),
    Form.EFFECT: EffectStrips(),
}
"""All forms. A new one is a class and a line here."""


def write(scene: Any, place: Place, key: str, name: str, folder: Path, pictures: int, form: Form) -> bool:
    """Writes a cutout in one form and removes it in the others; see `OutputForm.write`.

    Call `prepare` of the form first.
    """
    followed = FORMS[form].write(scene, place, key, name, folder, pictures)
    for other, one in FORMS.items():
        if other is not form:
            one.remove(scene, place, key)
    return followed


def remove(scene: Any, place: Place | None, key: str) -> None:
    """Removes everything written for a cutout from the scene; the files stay."""
    for form in FORMS.values():
        form.remove(scene, place, key)


def _modifier(scene: Any, clip: Any, mask: Any) -> None:
    """Shows a clip through a Mask data-block, by a Mask modifier."""
    compat.ensure_sequencer_scene(scene)
    ours = [m for m in clip.modifiers if m.type == "MASK" and m.input_mask_id == mask]
    modifier = ours[0] if ours else clip.modifiers.new(mask_strip.MODIFIER, "MASK")
    modifier.input_mask_type, modifier.input_mask_id, modifier.mask_time = "ID", mask, "RELATIVE"
    if clip.blend_type in ("REPLACE", "CROSS"):
        clip.blend_type = "ALPHA_OVER"
    clip.invalidate_cache("RAW")
