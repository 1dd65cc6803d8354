"""Tests that the error tree matches its docstring, and that every error has code, text and hint."""

from __future__ import annotations

import errno
import re
from pathlib import Path

import av
import cv2
import pytest

from blender_cutout.core import errors

CLASSES = [v for v in vars(errors).values() if isinstance(v, type) and issubclass(v, errors.CutoutError)]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda c: c.__name__)
def test_an_error_tells_code_text_and_hint(kind: type[errors.CutoutError]) -> None:
    error = kind("It went wrong.", "Do this.")
    assert (error.code, error.text, error.hint) == (kind.__name__, "It went wrong.", "Do this.")
    assert str(error) == "It went wrong. Do this."
    assert str(kind("Alone.")) == "Alone."


def test_the_drawn_tree_is_the_real_one() -> None:
    drawn: dict[str, str] = {}
    stack: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        if match := re.match(r"( {4}[│├└─ ]*)([A-Z]\w+)  ", line):
            depth = len(match[1])
            while stack and stack[-1][0] >= depth:
                stack.pop()
            drawn[match[2]] = stack[-1][1] if stack else "Exception"
            stack.append((depth, match[2]))
    assert drawn == {c.__name__: c.__bases__[0].__name__ for c in CLASSES}


def _of_opencv(text: str) -> Exception:
    return cv2.error(f"OpenCV(5.0.0) alloc.cpp:73: error: {text}")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        _of_opencv("(-4:Insufficient memory) Failed to allocate 12800000000 bytes"),
        av.error.MemoryError(errno.ENOMEM, "Cannot allocate memory"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("CUDA error: out of memory"),
    ],
    ids=lambda e: f"{type(e).__module__}.{type(e).__name__}",
)
def test_running_out_of_memory_is_reported_with_a_remedy_whichever_library_says_so(error: Exception) -> None:
    found = errors.translate(error)
    assert isinstance(found, errors.OutOfMemory)
    assert "tier" in found.hint


def test_a_full_disk_and_a_forbidden_folder_are_reported_with_the_file(tmp_path: Path) -> None:
    file = str(tmp_path / "mask.png")
    full = errors.translate(OSError(errno.ENOSPC, "No space left on device", file))
    denied = errors.translate(PermissionError(errno.EACCES, "Permission denied", file))
    assert isinstance(full, errors.StoreError)
    assert isinstance(denied, errors.StoreError)
    assert (full.text, denied.text) == (f"The disk is full: {file}.", f"No permission to write: {file}.")
    assert all(error.hint for error in (full, denied))


def test_a_fault_of_the_program_is_none_and_an_error_for_the_user_itself() -> None:
    known = errors.StrokeError("There are no strokes.", "Draw some.")
    assert errors.translate(known) is known
    for fault in (
        ZeroDivisionError(),
        RuntimeError("shape mismatch"),
        _of_opencv("(-215:Assertion failed)"),
        OSError(),
    ):
        assert errors.translate(fault) is None
