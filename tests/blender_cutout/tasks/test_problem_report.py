"""Tests the report about a problem: it helps, it is shown whole, and nothing in it is the artist's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]


def test_the_report_has_numbers_and_no_names(blender: Any, project: Project) -> None:
    from blender_cutout.tasks import problem_report

    scene, strip = project()
    strip.name = "Secret Heist"
    scene.name = "Client X"
    for step in ("new", "apply_strokes"):
        getattr(blender.ops.cutout, step)()
    status = blender.context.window_manager.cutout
    status.text = f"The masks of Secret Heist are not in {blender.data.filepath} nor in C:\\Users\\Ada\\film.mp4."
    assert blender.ops.cutout.report_problem() == {"FINISHED"}
    text = blender.data.texts[problem_report.NAME].as_string()
    assert "Cutout 1: 12 frames of 240x150, 1 with strokes, 1 with a mask" in text
    assert blender.app.version_string in text
    assert "The masks of <name> are not in <path>" in text
    for private in ("Secret", "Heist", "Client", "mein Projekt", "Ada", "film.mp4", str(Path.home())):
        assert private not in text, private
    file = Path(status.hint.partition("also in ")[2])
    assert file.read_text(encoding="utf-8").strip() == text.strip(), "all of it is shown"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cannot read /mnt/films/My Film.mov: damaged", "cannot read <path>: damaged"),
        ("in //film_cutout/ab12", "in <path>"),
        ("on \\\\server\\share\\a.exr", "on <path>"),
        ("39 of 90 frames, 1/2 done", "39 of 90 frames, 1/2 done"),
    ],
)
def test_paths_are_replaced_and_the_rest_stays(blender: Any, text: str, expected: str) -> None:
    from blender_cutout.tasks.problem_report import anonymous

    assert anonymous(text, ()) == expected
