"""The edge settings that a track's strips were last written with, kept in its folder next to the raw mattes.

The host's own file holds what the artist sets and undoes; this copy is for programs that read only the folder.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from .. import atomic
from ..edges.detail_map import painted_from_json
from ..edges.settings import EdgePlan, EdgeSettings
from ..errors import InputError, store_errors

if TYPE_CHECKING:
    from ..edges.detail_map import Painted

FILE = "edges.json"
VERSION = 1
_MOST_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class EdgeRecord:
    """Edge settings by clip frame.

    Attributes:
        frames: the clip frames that were written, ascending; as many as `settings` when these are keyed.
        settings: one for all frames, or one for each.
        painted: strokes of the Detail Brush.
    """

    frames: tuple[int, ...]
    settings: tuple[EdgeSettings, ...]
    painted: Painted = field(default_factory=dict)

    @property
    def is_keyed(self) -> bool:
        """Returns True if the settings change over time."""
        return len(set(self.settings)) > 1

    def at(self, frame: int) -> EdgeSettings:
        """Returns the settings of a clip frame, or of the next one that was written."""
        if len(self.settings) == 1:
            return self.settings[0]
        return self.settings[min(bisect_left(self.frames, frame), len(self.settings) - 1)]


def save_edges(folder: Path, frames: Sequence[int], plan: EdgePlan) -> None:
    """Keeps the settings that these clip frames are written with; the first time only if they change anything.

    Raises:
        StoreError: the file cannot be written.
    """
    path = folder / FILE
    if not path.exists() and not plan.painted and all(one.is_neutral for one in plan.settings):
        return
    keyed = len(plan.settings) > 1
    by_frame = dict(zip(frames, plan.settings, strict=True)) if keyed else {}
    record = {
        "version": VERSION,
        "frames": sorted(by_frame),
        "settings": [one.to_json() for one in ([by_frame[f] for f in sorted(by_frame)] if keyed else plan.settings)],
        "strokes": [
            {"frame": frame, "strokes": [stroke.to_json() for stroke in strokes]}
            for frame, strokes in sorted(plan.painted.items())
        ],
    }
    with store_errors(path):
        atomic.write(path, json.dumps(record, separators=(",", ":")).encode())


def read_edges(folder: Path) -> EdgeRecord:
    """Returns what `save_edges` kept in a track's folder.

    Raises:
        InputError: there is none, or it is damaged or of a newer version.
        StoreError: it cannot be read.
    """
    path = folder / FILE
    with store_errors(path):
        try:
            found = json.loads(atomic.read_regular(path, _MOST_BYTES, follow=False))
        except FileNotFoundError:
            raise InputError(
                f"{folder} has no edge settings.", "Set some in Blender's Edge panel and write the strips."
            ) from None
        except (ValueError, RecursionError):
            found = None
    if isinstance(found, dict) and type(found.get("version")) is int and found["version"] > VERSION:
        raise InputError(f"{path} is of a newer version.", "Update Blender Cutout.")
    try:
        frames, settings = tuple(found["frames"]), tuple(map(EdgeSettings.from_json, found["settings"]))
        painted = painted_from_json(found["strokes"])
    except (KeyError, TypeError, InputError) as error:
        raise _damaged(path) from error
    fits = len(settings) == 1 or 0 < len(settings) == len(frames)
    if not fits or any(type(f) is not int for f in frames) or list(frames) != sorted(set(frames)):
        raise _damaged(path)
    return EdgeRecord(frames, settings, painted)


def _damaged(path: Path) -> InputError:
    return InputError(f"{path} is damaged.", "Write the strips in Blender again, or give the --edge- options instead.")
