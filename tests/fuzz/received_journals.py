"""Changes to received journals: foreign ids, ranges without end, cycles, damage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .received_changes import LONG, MAY_REFUSE, OPENS, OUTSIDE, add, line, opens, records, steps, with_lines, with_step

STROKE = {"label": "keep", "radius": 3.0, "points": [[50.0, 30.0]]}
A_ROUND: dict[str, Any] = {"action": "round", "frame": 7, "strokes": [STROKE], "zoom": 1.0, "auto": False}
LOST, LOCK = {"action": "lost"}, {"action": "lock", "start": 0, "stop": 2}

for _name, _id in {
    "leads out": OUTSIDE, "is a place": "OUTSIDE", "is the folder above": "..", "is the folder itself": ".",
    "is empty": "", "has a separator": "aa/bb", "has a backslash": "..\\..\\outside", "has a NUL": "a\0b",
    "is half a character": "\ud800", "is a shell command": "$(touch OUTSIDE/ran)", "is very long": "a" * 5000,
    "is in capitals": "FEEDFEEDFEEDFEED", "is a number": 7, "is a list": [["feed"]], "is nothing": None,
    "has a line break": "feed\nfeed",
}.items():  # fmt: skip
    OPENS[f"the id of a round {_name}"] = with_step(**{**A_ROUND, "id": _id})
    OPENS[f"the id of a lost step {_name}"] = with_step(**{**LOST, "id": _id})

for _name, _action in {
    "a lock of 10^12 frames": {"action": "lock", "start": 0, "stop": LONG},
    "a lock far beyond the clip": {"action": "lock", "start": LONG, "stop": 2 * LONG},
    "an unlock of 10^12 frames": {"action": "unlock", "start": 0, "stop": LONG},
    "a mark of 10^12 frames": {"action": "absent", "start": 0, "stop": LONG},
    "a mark of 2^31 frames": {"action": "absent", "start": 0, "stop": 2**31 - 1},
    "a paint round of endless lines": {
        "action": "paint", "frame": 7,
        "shapes": [{"label": "keep", "radius": 9000, "points": [[0, 0], [99, 59]] * 500}] * 50,
    },
    "an area at infinity": {
        "action": "paint", "frame": 7, "shapes": [{"label": "keep", "points": [[0, 0], [1e300, 0], [0, 1e300]]}],
    },
    "a box of a number": {"action": "box", "frame": 7, "box": 7},
    "a box far outside": {"action": "box", "frame": 7, "box": [2**30, 0, 2**31 - 1, 9]},
    "a propagation of 10^12 frames": {"action": "propagation", "start": 0, "stop": LONG, "direction": "both"},
    "a round on frame 10^12": {**A_ROUND, "frame": LONG},
    "a round on a frame below 0": {**A_ROUND, "frame": -3},
    "a radius of 400 digits": {**A_ROUND, "strokes": [{**STROKE, "radius": 10**400}]},
    "a point at infinity": {**A_ROUND, "strokes": [{**STROKE, "points": [[float("inf"), 2.0]]}]},
    "a zoom that is no number": {**A_ROUND, "zoom": float("nan")},
    "a frame of 400 digits": {**A_ROUND, "frame": 10**400},
    "strokes that are no list": {**A_ROUND, "strokes": 7},
    "an import of a place": {"action": "import", "contents": [[7, "OUTSIDE/000003"]], "source": "x"},
    "an import from outside": {"action": "import", "contents": [[7, "../../../outside/000003"]], "source": "x"},
    "an import of what is not there": {"action": "import", "contents": [[7, "f" * 24]], "source": "x"},
    "an import on frame 10^12": {"action": "import", "contents": [[LONG, "f" * 24]], "source": "x"},
    "an import of a list": {"action": "import", "contents": [[7, ["f"]]], "source": 7},
}.items():  # fmt: skip
    OPENS[_name] = with_step(**_action)

OPENS["a head that is not there"] = with_lines(line({"head": "0123456789abcdef"}))
OPENS["a head that is a list"] = with_lines(line({"head": [["a"]]}))
OPENS["a record that is no record"] = with_lines(line(7), line(["head"]), line("head"), line(None), b"7\n", b"[]\n")
OPENS["nesting without end"] = with_lines(b"[" * 200_000 + b"\n")
OPENS["nesting without end in a record"] = with_lines(b'{"sum":"0","record":' + b'{"a":' * 100_000 + b"\n")
OPENS["a number of a million digits"] = with_lines(b'{"sum":"0","record":' + b"9" * 10**6 + b"}\n")
OPENS["a line of 10 MB"] = with_lines(b"x" * (10 << 20) + b"\n")
OPENS["a whole line of 10 MB"] = with_step(**{**A_ROUND, "note": "x" * (10 << 20)})
OPENS["20 MB of nothing"] = with_lines(bytes(20 << 20))
OPENS["a half line of 20 MB"] = with_lines(b'{"sum":"', b"0" * (20 << 20))
OPENS["100,000 damaged lines"] = with_lines(b'{"sum":"00000000","record":{}}\n' * 100_000)
OPENS["100,000 empty lines"] = with_lines(b"\n" * 100_000)


@opens("its own parent")
def _(folder: Path, outside: Path) -> None:
    last = records(folder)[-1]
    add(folder, line({**last, "parent": last["id"]}))


@opens("two steps that are each other's parents")
def _(folder: Path, outside: Path) -> None:
    first, *_, last = (record for record in records(folder) if "id" in record)
    add(folder, line({**first, "parent": last["id"]}), line({**last, "parent": first["id"]}))


@opens("a cycle through all steps")
def _(folder: Path, outside: Path) -> None:
    first = next(record for record in records(folder) if "id" in record)
    add(folder, line({**first, "parent": steps(folder)[-1]}), line({"head": steps(folder)[-1]}))


@opens("a second step with an id that is taken")
def _(folder: Path, outside: Path) -> None:
    add(folder, line({**A_ROUND, "id": steps(folder)[0], "parent": ""}))


@opens("100,000 moves of the head")
def _(folder: Path, outside: Path) -> None:
    ids = steps(folder)
    add(folder, *[line({"head": ids[-1 - n % 2]}) for n in range(99_999)], line({"head": ids[-1]}))


MAY_REFUSE["a step of a newer version"] = with_step(action="dance")
