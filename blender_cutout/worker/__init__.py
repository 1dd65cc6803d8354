"""The engine's process: message loop and jobs. No Blender here."""

from __future__ import annotations

from pathlib import Path

ENTRY = Path(__file__).resolve().parent / "entry.py"
"""The first file of the engine's process, a script."""
