"""Plans which frames of a cutout's strip must be rendered first, why, and how much disk they need."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..core.clips.shown_frames import doubt_of
from ..core.errors import StripError
from . import compat, fingerprint, rendered_frames, strip_source, strips
from .strip_source import Source

_SHARE = 0.6
"""PNG bytes per raw byte of a noisy picture."""


class FramePlan(NamedTuple):
    """What must be rendered for a cutout's strip.

    Attributes:
        reason: why, a sentence; "" = not needed.
        first: timeline frame of the first picture.
        count: number of frames.
        size: (width, height) of the pictures.
        output: the pictures have the scene's render size.
        offset: of the first picture from the start of the strip's content.
        mark: fingerprint of the strip.
        bytes: approximate disk space.
    """

    reason: str
    first: int
    count: int  # type: ignore[assignment]  # hides a method of tuples that nobody needs
    size: tuple[int, int]
    output: bool
    offset: int
    mark: str
    bytes: int

    @property
    def megabytes(self) -> int:
        """Returns the disk space in MB, at least 1."""
        return max(1, round(self.bytes / 1e6))

    def cost_text(self) -> str:
        """Returns the cost as a sentence for the artist."""
        noun = "frame is" if self.count == 1 else "frames are"
        return f"{self.count} {noun} rendered once first: about {self.megabytes} MB."


def plan(scene: Any, track: Any) -> FramePlan:
    """Returns what would be rendered for a cutout. Raises StripError if its strip is gone or cannot be cut out."""
    strip = strips.find(scene, track.strip_uuid, track.strip_name).strip
    source = strip_source.source(scene, strip)
    if min(source.size) <= 0:
        raise StripError("The size of the strip's picture is unknown.", "Check that its file can be read.")
    reason = _reason(scene, track, strip, source)
    left, right = compat.span(strip)
    width, height = source.size
    return FramePlan(
        reason=rendered_frames.stale(scene, strip) or reason,
        first=left,
        count=right - left,
        size=source.size,
        output=source.output,
        offset=left - round(compat.time_get(strip, "frame_start")),
        mark=fingerprint.fingerprint_of(scene, strip),
        bytes=int((right - left) * width * height * 3 * _SHARE),
    )


def needed(scene: Any, track: Any) -> str:
    """Returns why the frames of a cutout's strip must be rendered; "" = not needed. Raises StripError as `plan`."""
    strip = strips.find(scene, track.strip_uuid, track.strip_name).strip
    rendered = rendered_frames.rendered_frames_of(strip)
    if rendered is not None:
        there = (rendered.path / rendered_frames.DONE).is_file()
        return rendered_frames.stale(scene, strip) or ("" if there else "The strip's rendered frames are missing.")
    # The panel calls this often: an image strip may have thousands of files, and the fingerprint is slow.
    return _reason(scene, track, strip, strip_source.source(scene, strip, files=False))


def _reason(scene: Any, track: Any, strip: Any, source: Source) -> str:
    """Returns why a strip without rendered frames needs them; "" = it does not."""
    if source.reason or not track.frame_count or rendered_frames.rendered_frames_of(strip) is not None:
        return source.reason
    if doubt := doubt_of(strips.shown_of(strip)):
        return doubt
    if strip.type != "MOVIE":
        return ""
    rate = strips.file_times(scene, strip, track.frame_count).rate
    return strip_source.OTHER_RATE if compat.RATE_BY_CACHE and abs(rate - 1) > 1e-4 else ""
