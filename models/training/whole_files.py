"""Writes training's files whole or not at all. A run owns its folder, so a temporary name needs no process id."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yields a path to write to; that file replaces `target` if the block succeeds and is removed if it fails.

    A file left by a killed process has the same name and is overwritten by the next one. Raises OSError.
    """
    part = target.with_name(target.name + ".part")
    try:
        yield part
        os.replace(part, target)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def write_text(target: Path, text: str) -> None:
    """Writes a whole UTF-8 text file. Raises OSError and then leaves the old file as it was."""
    with replacing(target) as part:
        part.write_text(text, encoding="utf-8")
