"""Maps timeline frames to clip frames of a strip and back: pure maths, no Blender.

Not for retimed strips, whose speeds Python cannot read.
"""

from __future__ import annotations

from typing import NamedTuple

from ..core.clips.shown_frames import frames_of


class TimeMap(NamedTuple):
    """Which clip frame a strip shows when.

    Attributes:
        left, right: first timeline frame of the strip and one past the last.
        start: timeline frame at which the content starts; trimming does not move it.
        length: timeline frames that the whole content takes.
        count: frames in the file or list of pictures.
        trim: frames cut off the content's start and end.
        rate: clip frames per timeline frame.
        reverse: played backwards.
        strobe: only every n-th frame is shown.
        rounded: movies take the nearest frame, picture sequences the one before.
        shown: which frame a movie's n-th one really is, see `core.clips.shown_frames`; "" = the n-th.
    """

    left: int
    right: int
    start: float
    length: float
    count: int  # type: ignore[assignment]  # hides a method of tuples that nobody needs
    trim: tuple[int, int] = (0, 0)
    rate: float = 1.0
    reverse: bool = False
    strobe: float = 1.0
    rounded: bool = True
    shown: str = ""

    @property
    def steps(self) -> int:
        """Number of frames that Blender counts in the file."""
        return len(frames_of(self.shown)) or self.count

    def clip_frame(self, timeline_frame: int) -> int | None:
        """Returns the clip frame shown at a timeline frame; None outside the strip."""
        if not self.left <= timeline_frame < self.right:
            return None
        at = self.start + self.length - 1 - timeline_frame if self.reverse else timeline_frame - self.start
        at = min(max(at, 0.0) * self.rate, max(0, self.steps - sum(self.trim) - 1))
        if self.strobe > 1:
            at -= at % self.strobe
        at += self.trim[0]
        step = min(int(at + 0.5) if self.rounded else int(at), self.steps - 1)
        frames = frames_of(self.shown)
        return min(frames[step], self.count - 1) if frames else step

    def clip_frames(self) -> tuple[int, ...]:
        """Returns the clip frame for each timeline frame of the strip, in order."""
        return tuple(f for f in map(self.clip_frame, range(self.left, self.right)) if f is not None)

    def timeline_frame(self, clip_frame: int) -> int | None:
        """Returns the first timeline frame that shows a clip frame; None if the strip does not show it."""
        return next((f for f in range(self.left, self.right) if self.clip_frame(f) == clip_frame), None)


def playback_rate(clip_fps: float, scene_fps: float, length: float, count: int) -> float:
    """Returns the clip frames per timeline frame of a movie strip.

    The sequencer plays either frame by frame (strips added by a script) or in real time (strips added by the artist);
    only the strip's length reveals which.

    Args:
        clip_fps: the clip's frames per second, 0 = not known.
        scene_fps: the scene's frames per second.
        length: timeline frames that the whole content takes.
        count: clip frames in it.
    """
    if clip_fps <= 0 or scene_fps <= 0:
        return 1.0
    rate = clip_fps / scene_fps
    return rate if abs(length - count / rate) < abs(length - count) else 1.0
