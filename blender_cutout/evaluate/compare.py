"""Compares two runs on the same plan: paired differences per clip with intervals; saves and loads results."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core.errors import InputError
from .interval import FEWEST, LEVEL, difference
from .report import bounds
from .scores import LOWER_IS_BETTER, Values, mean
from .selection import HIDDEN, SLIPS, STROKES, VIDEO, Identity

FORMAT = 1
NONE = "no difference"

ROUNDS_ON_CLIPS = "rounds on clips"

_SHOWN = {
    VIDEO: ("J&F", "J", "F", "flicker", "ghost"),
    HIDDEN: ("ghost", "again", "J&F"),
    STROKES: ("IoU@1", "IoU@3", "IoU@5", "IoU@10"),
    SLIPS: ("counter_short", "undo_short"),
    ROUNDS_ON_CLIPS: ("AUC", "J&F@1", "J&F@3", "J&F@8"),
}
_GUESS_SHOWN = ("IoU", "MAE")
_EACH_CLIP = (VIDEO, HIDDEN, ROUNDS_ON_CLIPS)


@dataclass(frozen=True)
class Results:
    """The results of a run.

    Attributes:
        name: build, tier and weights, for people.
        identity: the plan's, see `selection.Plan.identity`.
        units: measure -> clip or picture -> its values.
        about: anything else worth storing (version, tier, device, means).
    """

    name: str
    identity: Identity
    units: dict[str, dict[str, Values]]
    about: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """Returns the results as a file's contents."""
        record = {
            "cutout evaluate": FORMAT,
            "name": self.name,
            "about": self.about,
            "identity": self.identity,
            "units": self.units,
        }
        return json.dumps(record, indent=1).encode()

    @classmethod
    def read(cls, path: Path) -> Results:
        """Reads a file written by `cutout evaluate --save`.

        Raises:
            InputError: missing, damaged, or not such a file.
        """
        try:
            record = json.loads(path.read_bytes())
        except OSError as error:
            raise InputError(f"The results {path} cannot be read ({error.strerror}).", "Check the path.") from error
        except ValueError as error:
            raise InputError(f"The file {path} is damaged or not JSON.", "Measure again with --save.") from error
        if not isinstance(record, dict) or "cutout evaluate" not in record:
            raise InputError(f"The file {path} has no saved results.", "Give a file written by --save.")
        if record["cutout evaluate"] != FORMAT:
            raise InputError(
                f"The results {path} come from another version of this program.", "Measure again with --save."
            )
        try:
            identity = {
                str(kind): {str(name): (str(pair[0]), str(pair[1])) for name, pair in each.items()}
                for kind, each in record["identity"].items()
            }
            return cls(str(record["name"]), identity, _checked(record["units"]), dict(record["about"]))
        except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
            raise InputError(f"The results {path} are incomplete.", "Measure again with --save.") from error

    def check(self, wanted: Identity) -> None:
        """Raises InputError if these results come from other data or walks than wanted."""
        for kind, each in wanted.items():
            own = self.identity.get(kind)
            if own is None:
                raise InputError(
                    f"The saved results have no measure {kind!r}, only {', '.join(self.identity)}.",
                    "Choose a measure that both have with --only.",
                )
            missing, extra = [n for n in each if n not in own], [n for n in own if n not in each]
            if missing or extra:
                parts = [f"{what} {_some(names)}" for what, names in (("without", missing), ("with", extra)) if names]
                raise InputError(
                    f"The saved results come from other data for {kind}: {' and '.join(parts)}.",
                    "Compare on the same data, with the same --limit and --half.",
                )
            changed = [n for n in each if each[n][0] != own[n][0]]
            if changed:
                raise InputError(
                    f"The saved results come from other data for {kind}: the files of {_some(changed)} differ.",
                    "Compare on the same data.",
                )
            for name, (_, way) in each.items():
                if own[name][1] != way:
                    raise InputError(
                        f"The saved results come from other walks for {kind}: {name} was measured {own[name][1]}, "
                        f"now {way}.",
                        "Compare with the same --starts and --robot.",
                    )


def name_of(engine: Any, build: str = "") -> str:
    """Returns an engine's display name: the build if it has a name, the tier and the start of the weights' hash."""
    return " ".join(filter(None, (build, engine.tier, f"({engine.weights_id[:8]})")))


def compare(kind: str, first: dict[str, Values], second: dict[str, Values]) -> dict[str, dict[str, Any]]:
    """Returns measure -> {first, second, difference, interval, verdict, clips, each}, over the clips of both.

    The verdict is "first better", "second better", or "no difference" if the interval includes 0 or there are
    too few clips.
    """
    out: dict[str, dict[str, Any]] = {}
    for measure in _SHOWN.get(kind, _GUESS_SHOWN):
        columns = [{name: values.get(measure) for name, values in side.items()} for side in (first, second)]
        found = difference(*columns)
        if found is None:
            continue
        better = found.mean < 0 if measure in LOWER_IS_BETTER else found.mean > 0
        verdict = NONE if not found.clear else f"{'first' if better else 'second'} better"
        out[measure] = {
            "first": mean(columns[0][name] for name in found.each),
            "second": mean(columns[1][name] for name in found.each),
            "difference": found.mean,
            "interval": found.interval,
            "verdict": verdict,
            "clips": len(found.each),
            "each": found.each,
        }
    return out


def comparison_table(kind: str, names: tuple[str, str], found: dict[str, dict[str, Any]]) -> str:
    """Returns a comparison as a table; for clips, with the difference of each."""
    head = f"{'measure':<16}{'first':>9}{'second':>9}{'diff.':>9}  {f'{LEVEL:.0%} interval':<20}"
    lines = [f"{kind}: first {names[0]}, second {names[1]}", head]
    for measure, row in found.items():
        count = row["clips"]
        few = f"{NONE} can be shown with {count} clip{'s' * (count > 1)}"
        verdict = few if count < FEWEST else row["verdict"]
        lines.append(
            f"{measure:<16}{row['first']:>9.3f}{row['second']:>9.3f}{row['difference']:>+9.3f}"
            f"  {bounds(row['interval'], '+.3f'):<20}{verdict}"
        )
    if kind in _EACH_CLIP and found:
        shown = list(found)[:3]
        lines.append(f"{'difference':<24}" + "".join(f"{name:>9}" for name in shown))
        for clip in dict.fromkeys(name for measure in shown for name in found[measure]["each"]):
            cells = (found[measure]["each"].get(clip) for measure in shown)
            lines.append(f"{clip:<24.24}" + "".join(f"{'-' if v is None else f'{v:+.3f}':>9}" for v in cells))
    return "\n".join(lines)


def _checked(units: dict[str, Any]) -> dict[str, dict[str, Values]]:
    """Returns the values of a file, checked to be numbers."""
    return {
        str(kind): {
            str(name): {str(key): None if value is None else float(value) for key, value in values.items()}
            for name, values in each.items()
        }
        for kind, each in units.items()
    }


def _some(names: list[str], most: int = 4) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
