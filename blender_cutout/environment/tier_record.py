"""Stores the tier that `auto` uses on this machine, in a small file read by the engine and the add-on.

The file is `tier.json` in the user's folder (see `environment_folder`): the choice for each device, and what it was
timed on. A choice is valid only on that machine and with that release; everything else is ignored, including a damaged
file. Standard library only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..core import atomic
from ..core.tiers.table import AUTO, DEFAULT, TIERS, Tier, find_tier
from ..version import __version__
from .machine import processor_name, thread_count
from .network_library import TORCH, chosen_library
from .venv import environment_folder

FILE = "tier.json"
DEVICES = ("cuda", "mps", "cpu")
"""Devices in order of preference."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What a timing is valid for: times differ with the processor, the thread count, the release and the library."""

    processor: str
    threads: int
    version: str
    weights: str
    library: str = TORCH
    """What ran the networks: torch or onnx."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A chosen tier and its timing.

    Attributes:
        tier: the chosen one.
        seconds: per propagated frame of one object at 480p.
        device: cpu, cuda or mps.
        machine: where it was timed.
        card: name of the graphics card, "" = none.
        timed: seconds per frame of all tiers that were timed.
    """

    tier: str
    seconds: float
    device: str
    machine: Machine
    card: str = ""
    timed: Mapping[str, float] = field(default_factory=dict)


def kept_file() -> Path:
    """Returns the file of stored choices; it may not exist."""
    return environment_folder() / FILE


def this_machine(library: str = AUTO) -> Machine:
    """Returns what a timing made now is valid for; auto = with the library that this process would use."""
    return Machine(processor_name(), thread_count(), __version__, weights_mark(), chosen_library(library))


def keep(fitted: Fitted) -> Path:
    """Stores a choice for its device and library; returns the file. Raises OSError if it cannot be written."""
    path = kept_file()
    records = {**_records(path), _key(fitted.device, fitted.machine.library): asdict(fitted)}
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic.write(path, json.dumps(records, indent=1).encode())
    return path


def recall(device: str = AUTO, card: str | None = None, library: str = AUTO) -> Fitted | None:
    """Returns the choice for this machine; None if there is none or it is not valid here.

    Args:
        device: cpu, cuda or mps; auto = the first that has one.
        card: name of the graphics card, "" for none; None = any, because asking for it would load PyTorch.
        library: torch or onnx; auto = the one that this process would use.
    """
    records = _records(kept_file())
    here = this_machine(library) if records else None
    for name in DEVICES if device == AUTO else (device,):
        found = _read(records.get(_key(name, here.library))) if here is not None else None
        if found is not None and found.machine == here and found.device == name and card in (None, found.card):
            return found
    return None


def fitting_tier(name: str, device: str = AUTO, card: str | None = None, library: str = AUTO) -> Tier:
    """Returns the tier of that name; for `auto` the one chosen on this machine, else the default.

    Raises:
        InputError: there is no such tier.
    """
    found = recall(device, card, library) if name == AUTO else None
    return find_tier(found.tier if found is not None else name)


def described(name: str, device: str = AUTO, library: str = AUTO) -> str:
    """Returns a tier's name and speed on this machine as text: "standard (0.12 s per frame; auto)"."""
    found = recall(device, library=library)
    if name == AUTO:
        return f"{DEFAULT} (auto; not timed yet)" if found is None else f"{found.tier} ({pace_text(found)}; auto)"
    timed = found.timed.get(name) if found is not None else None
    if found is None or timed is None:
        return name
    return f"{name} ({pace_text(replace(found, seconds=timed))})"


def _key(device: str, library: str) -> str:
    """Returns the name of a choice in the file; of PyTorch's it is that of earlier releases."""
    return device if library == TORCH else f"{device} {library}"


def pace_text(found: Fitted) -> str:
    """Returns the speed as text."""
    return f"{found.seconds:.2g} s per frame" if found.seconds < 0.1 else f"{found.seconds:.2f} s per frame"


@lru_cache(maxsize=1)
def weights_mark() -> str:
    """Returns an id of the networks and sizes that a timing depends on."""
    made_of = [tier._replace(text="", measured=None)._asdict() for tier in TIERS.values()]
    names = {name for tier in TIERS.values() for name in (tier.scribble_weights, tier.propagation_weights)}
    here = Path(__file__).parents[1]
    folders = (base / "models" / "weights" for base in (here, here.parent))
    folder = next((folder for folder in folders if folder.is_dir()), here)
    files = sorted((path.name, path.stat().st_size) for path in folder.glob("*.safetensors") if path.stem in names)
    return hashlib.sha256(json.dumps([made_of, files], sort_keys=True).encode()).hexdigest()[:16]


def _records(path: Path) -> dict[str, Any]:
    """Returns the file's choices by device; empty if it is missing or not ours."""
    try:
        stamp = path.stat()
    except OSError:
        return {}
    return _parsed(path, stamp.st_mtime_ns, stamp.st_size)


@lru_cache(maxsize=2)
def _parsed(path: Path, _time: int, _size: int) -> dict[str, Any]:
    """Cached, because every redraw of a panel needs it."""
    try:
        records = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return records if isinstance(records, dict) else {}


def _read(record: Any) -> Fitted | None:
    try:
        machine = Machine(**record["machine"])
        timed = {str(name): float(seconds) for name, seconds in record["timed"].items()}
        seconds, card = float(record["seconds"]), str(record["card"])
        tier, device = str(record["tier"]), str(record["device"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return Fitted(tier, seconds, device, machine, card, timed) if tier in TIERS and seconds > 0 else None
