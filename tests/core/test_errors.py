"""The error tree is what its docstring draws, and every error tells code, text and hint."""

from __future__ import annotations

import re

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
