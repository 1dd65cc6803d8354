"""Helpers for tests of the engine's process: its film, and the visible results of its work."""

from __future__ import annotations

from pathlib import Path

from blender_cutout.core import messages as m
from blender_cutout.core.fakes import SyntheticClip

FILM = SyntheticClip(length=16, height=60, width=100, radius=10)
FAKE_ENTRY = Path(__file__).parent / "blender_cutout" / "worker" / "fake_entry.py"
SLOW = ("--delay", "0.25")
"""A propagation of the film then takes 4 s, time enough to stop it midway on a busy machine."""


def stamps(folder: Path) -> dict[str, int]:
    """Returns the mattes in a folder, with the time each was written."""
    return {str(p.relative_to(folder)): p.stat().st_mtime_ns for p in sorted(folder.rglob("mattes/*/*.png"))}


def ends(host, job: str) -> int:
    """Returns how many terminal events a job had."""
    return sum(isinstance(e, m.TERMINAL) and e.job == job for e in host.events)
