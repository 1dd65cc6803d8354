"""Measures what a new keyframe does to the frames between it and the first one, for each way of fusing old and new.

A run starts from frame 0, whose mask is either true ("drift": the run goes wrong by itself) or wrong ("broken": a third
of the object is missing, and a patch next to it is included). Then the true mask is given on a later frame, and the
frames in between are computed again. `cutout study corrections DATA --tier draft`
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.clips.opening import open_clip
from ..core.images.crop import mask_box
from ..core.propagation.outcome import MatteKind
from ..core.propagation.propagate import propagate
from ..core.types import FrameRange
from . import metrics
from .data import frame_truth
from .interval import interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..core.ports import FrameSource, Key, PropagationNet, Value
    from ..core.propagation.settings import PropagationSettings
    from ..core.types import Image, Matte, Mattes
    from .data import Sequence as Video

    Mask = NDArray[np.bool_]

FAULTS = ("drift", "broken")
WAYS = ("old", "new", "time", "vote", "change", "limit")
"""Ways of getting the frames in between: the old run; the new result alone; both blended by linear time weights; the
product's vote, without ("vote") and with ("change") the propagated change; whichever of old and new is right at each
pixel ("limit")."""
CARRIED = {"new": 1.0, "vote": 0.0, "change": None}
"""Way -> value propagated from the keyframe in place of the artist's change; None = the real one."""


class Recorded:
    """A propagation network that answers each call of a run once, and replays the answers after a rewind.

    Fused results do not go back into the network, so all ways of fusing see the same new results.
    """

    def __init__(self, net: PropagationNet) -> None:
        self._net = net
        self._answers: list[Any] = []
        self._at = 0
        self._carried: float | None = None

    def rewind(self, carried: float | None = None) -> None:
        """Starts over; from then on `attention` returns `carried` everywhere, None = the network's answer."""
        self._at, self._carried = 0, carried

    def _next(self, call: Any, *given: Any) -> Any:
        if self._at == len(self._answers):
            self._answers.append(call(*given))
        self._at += 1
        return self._answers[self._at - 1]

    def encode_key(self, image: Image) -> Key:
        """See `PropagationNet`."""
        return self._next(self._net.encode_key, image)

    def encode_value(self, image: Image, key: Key, mattes: Mattes) -> Value:
        """See `PropagationNet`."""
        return self._next(self._net.encode_value, image, key, mattes)

    def segment(self, query: Key, memory: Sequence[tuple[Key, Value]], previous: Mattes | None = None) -> Mattes:
        """See `PropagationNet`."""
        answer: Mattes = self._next(self._net.segment, query, memory, previous)
        return answer

    def megabytes(self, key: Key, value: Value) -> float:
        """See `PropagationNet`."""
        return self._net.megabytes(key, value)

    def resemblance(self, query: Key, mattes: Mattes, examples: Sequence[tuple[Key, Mattes]]) -> Mattes:
        """See `PropagationNet`."""
        answer: Mattes = self._next(self._net.resemblance, query, mattes, examples)
        return answer

    def attention(self, query: Key, keyframe: Key, difference: Mattes) -> Mattes:
        """See `PropagationNet`."""
        answer: Mattes = self._next(self._net.attention, query, keyframe, difference)
        return answer if self._carried is None else np.full_like(answer, self._carried)


def broken(truth: Mask) -> Matte:
    """Returns a wrong mask (H, W): the object without its right third, but with a patch at its left side."""
    box = mask_box(truth.astype(np.float32))
    out = truth.astype(np.float32)
    if box is not None:
        out[:, box.x0 + round(box.width * 2 / 3) :] = 0
        y, x = np.mgrid[: truth.shape[0], : truth.shape[1]]
        reach = 0.25 * max(box.width, box.height)
        out[(x - box.x0) ** 2 + (y - (box.y0 + box.y1) / 2) ** 2 < reach**2] = 1
    return out


def measure_correction(
    net: PropagationNet,
    video: Video,
    keyframes: Sequence[int],
    fault: str,
    settings: PropagationSettings,
) -> Iterator[dict[str, Any]]:
    """Yields, for each later keyframe, a record with the mean J and F of the frames before it, for each of `WAYS`.

    A keyframe beyond the clip is moved to its last frame but one.

    Raises:
        InputError: masks are missing or unusable.
    """
    with open_clip(video.clip, strict=True) as clip:
        first = frame_truth(video, 0)
        start = first.astype(np.float32) if fault == "drift" else broken(first)
        span = FrameRange(0, min(max(keyframes) + 1, len(clip)))
        with closing(propagate(net, clip, {0: start}, frame_range=span, settings=settings)) as stream:
            old = {frame: matte for frame, matte, _ in stream}
        for asked in keyframes:
            key = min(asked, len(clip) - 2)
            given = {0: start, key: frame_truth(video, key).astype(np.float32)}
            results = _fused(Recorded(net), clip, given, old, settings)
            scores = {way: _score(video, mattes, range(1, key)) for way, mattes in results.items()}
            limit = {f: _best(old[f], results["new"][f], frame_truth(video, f)) for f in range(1, key)}
            scores = {"old": _score(video, old, range(1, key)), **scores, "limit": _score(video, limit, range(1, key))}
            yield {"clip": video.name, "fault": fault, "keyframe": asked, "at": key, **scores}


def _fused(
    net: Recorded,
    clip: FrameSource,
    given: dict[int, Matte],
    old: dict[int, Matte],
    settings: PropagationSettings,
) -> dict[str, dict[int, Matte]]:
    """Returns frame -> matte for each way of fusing."""
    out = {}
    span = FrameRange(0, max(given) + 1)
    for way, carried in CARRIED.items():
        net.rewind(carried)
        stream = propagate(net, clip, given, frame_range=span, previous=old, settings=settings)
        with closing(stream):
            out[way] = {frame: matte for frame, matte, kind in stream if kind is not MatteKind.PENDING}
    key = max(given)
    out["time"] = {f: old[f] + f / key * (new - old[f]) for f, new in out["new"].items()}
    return out


def _best(old: Matte, new: Matte, truth: Mask) -> Matte:
    """Returns whichever of old and new is right at each pixel: the limit of any way of choosing."""
    a, b = _mask(old), _mask(new)
    return np.where(a == b, a, truth).astype(np.float32)


def _score(video: Video, mattes: dict[int, Matte], frames: range) -> tuple[float, float]:
    pairs = [(_mask(mattes[f]), frame_truth(video, f)) for f in frames]
    region = float(np.mean([metrics.iou(mask, truth) for mask, truth in pairs]))
    return region, float(np.mean([metrics.contour_accuracy(mask, truth) for mask, truth in pairs]))


def _mask(matte: Matte) -> Mask:
    return np.asarray(np.rint(matte * 255) > 127)


def _table(records: list[dict[str, Any]]) -> str:
    lines = [f"{'':<30}" + "".join(f"{way + ' J':>11}{'J&F':>7}" for way in WAYS if way in records[0])]
    groups = {
        f"{fault}, key {key}": [r for r in records if (r["fault"], r["keyframe"]) == (fault, key)]
        for fault, key in sorted({(r["fault"], r["keyframe"]) for r in records})
    }
    for name, rows in {**groups, "mean": records}.items():
        cells = ""
        for way in WAYS:
            if way in rows[0]:
                j, f = np.mean([r[way] for r in rows], axis=0)
                cells += f"{j:>11.3f}{(j + f) / 2:>7.3f}"
        lines.append(f"{f'{name} ({len(rows)})':<30}{cells}")
    return "\n".join(lines + _ends(records))


def _ends(records: list[dict[str, Any]]) -> list[str]:
    """Returns the ends of the means' 95 % intervals over clips as two lines; none for a single clip."""
    clips = list(dict.fromkeys(r["clip"] for r in records))
    rows: list[str] = []
    for end, title in enumerate(("  95 % from", "  to")):
        cells = ""
        for way in (way for way in WAYS if way in records[0]):
            each = [np.mean([r[way] for r in records if r["clip"] == clip], axis=0) for clip in clips]
            pairs = interval([float(j) for j, _ in each]), interval([float(j + f) / 2 for j, f in each])
            if pairs[0] is None or pairs[1] is None:
                return []
            cells += f"{pairs[0][end]:>11.3f}{pairs[1][end]:>7.3f}"
        rows.append(f"{title:<30}{cells}")
    return rows
