"""Settings of a propagation."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ..types import Hypothesis


@dataclass(frozen=True, slots=True)
class PropagationSettings:
    """Settings that a tier fixes for propagation.

    Attributes:
        working_px: side, in pixels, of the square the network works on, roughly; several objects in one crop get more
            pixels, see `for_objects`.
        memory_every: every n-th frame of a pass stays in memory.
        budget: largest number of remembered frames.
        megabytes: device memory that remembered frames may take; fewer are remembered where they are large.
        transient: whether every second frame of a pass is also remembered for the next steps.
        presence: whether what is found is compared with the object, and rejected when it looks like something else.
        follow: a crop follows the object; False = the whole picture at each frame.
        crop_factor: side of that crop over longer side of the object's box; wider crops scored worse.
        growth: for several objects, the network sees at most this many times the pixels of one object's crop.
        hypotheses: the ways to walk each pass, at least one; time and memory grow with their number.
    """

    working_px: int = 384
    memory_every: int = 5
    budget: int = 12
    megabytes: float = math.inf
    transient: bool = True
    presence: bool = True
    follow: bool = True
    crop_factor: float = 1.6
    growth: float = 1.3
    hypotheses: tuple[Hypothesis, ...] = (Hypothesis(),)

    def for_objects(self, count: int) -> PropagationSettings:
        """Returns the settings for several objects: their common crop is larger, so the network sees more of it.

        The pixels grow with the number of objects, up to `growth`. Larger values come closer to the quality of each
        object alone, but take longer (`cutout bench --objects 4`): the rule is that four take at most 1.4 times as long
        as one. With time to spare, use a finer tier or propagate the objects one by one. See docs/speed.md, "Several
        objects".
        """
        return replace(self, working_px=round(self.working_px * min(count, max(1.0, self.growth)) ** 0.5))
