"""Runs the whole demo: renders the clip, cuts the animal out with the add-on, renders the composite, measures."""

from __future__ import annotations

import json
import os
import shutil
import time
from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from blender_cutout.environment import venv

from .. import package
from ..blender_process import choose_blender, inside
from ..progress_lines import StepFailed, listen

HERE = Path(__file__).resolve().parent
FRAMES, WIDTH, HEIGHT, RATE = 48, 640, 360, 24
"""As in `scene.py`, which only Blender can import."""
LEAST_IOU, LEAST_JF, LARGEST_ERROR = 0.6, 0.45, 8.0
"""Limits of the scores, and of the composite's mean error of 255; beyond them the demo fails."""


def run(engine: Path, options: Namespace, show: Callable[[str], None]) -> int:
    """Runs the demo; returns 0 if the composite exists and is good enough, else 1.

    Args:
        engine: the engine's Python.
        options: `blender`, a program or None; `output`, the folder for the results.
        show: prints the lines of installations.
    """
    output = Path(options.output).expanduser().absolute()
    blender = choose_blender(options.blender, "demo", show)
    try:
        return _run(engine, blender, output)
    except StepFailed as error:
        print(f"\n{error}")
        return 1


def _run(engine: Path, blender: list[str], output: Path) -> int:
    film, project = output / "film", output / "project"
    clip, background = film / "clip.mp4", film / "background.png"
    variables = {k: v for k, v in os.environ.items() if not k.upper().startswith("PYTHON")}
    # A Blender profile of its own: the user's settings are neither read nor changed.
    variables["BLENDER_USER_RESOURCES"] = str(output / "blender-user")
    variables[venv.PYTHON_VARIABLE] = str(engine)
    started = time.monotonic()
    if not clip.exists() or not background.exists():
        film.mkdir(parents=True, exist_ok=True)
        listen(inside(blender, HERE / "render_clip.py", film), variables)
        listen([str(engine), str(HERE / "encode.py"), str(film), str(clip), str(background)], variables)
        print(f"Rendered the clip in {time.monotonic() - started:.0f} s: {clip}")
    for old in (project, output / "masks", output / "blender-user", output / "composite.mp4"):
        shutil.rmtree(old, ignore_errors=True) if old.is_dir() else old.unlink(missing_ok=True)
    job: dict[str, Any] = {
        "zip": str(package.build(output)), "strokes": str(HERE / "strokes.blend"), "clip": str(clip),
        "background": str(background), "truth": str(film / "truth"), "blend": str(project / "Cutout demo.blend"),
        "kept": str(output / "masks"), "composite": str(output / "composite.mp4"),
        "sheet": str(output / "contact-sheet.png"), "frames": FRAMES, "width": WIDTH, "height": HEIGHT, "rate": RATE,
    }  # fmt: skip
    order = output / "job.json"
    order.write_text(json.dumps(job, indent=1), encoding="utf-8")
    job |= listen(inside(blender, HERE / "edit.py", order), variables)
    variables["BLENDER_USER_RESOURCES"] = str(output / "blender-without-add-on")
    print("Rendering the composite in a Blender without the add-on …", flush=True)
    listen(inside(blender, HERE / "render.py", job["blend"]), variables)
    order.write_text(json.dumps(job, indent=1), encoding="utf-8")
    numbers = listen([str(engine), str(HERE / "score.py"), str(order)], variables)
    (output / "results.json").write_text(json.dumps(numbers | {"times": job["times"]}, indent=1), encoding="utf-8")
    return _report(job, numbers)


def _report(job: Mapping[str, Any], numbers: Mapping[str, Any]) -> int:
    """Prints the numbers and the paths of the results; returns the exit code."""
    before, after = ((numbers[f"{n}_j"] + numbers[f"{n}_f"]) / 2 for n in ("before", "after"))
    times = job["times"]
    rows = [
        (f"IoU after the strokes on frame {job['first_frame']}", f"{numbers['iou_after_strokes']:.3f}"),
        ("(Best IoU that colour alone could reach)", f"{numbers['iou_by_colour']:.3f}"),
        ("J&F over the clip before the correction", _measures(before, numbers, "before")),
        (f"J&F after the correction on frame {job['corrected_frame']}", _measures(after, numbers, "after")),
        ("Propagation, a frame", f"{times['propagation'] / (FRAMES - 1):.2f} s"),
        ("A round of strokes", f"{times['first_round']:.2f} s, {times['second_round']:.2f} s"),
        (
            "Composite against masks and pictures",
            f"mean error {numbers['composite_error']:.1f} of 255 (two video codecs)",
        ),
        ("Composite", job["composite"]),
        ("Contact sheet (frame, mask, composite)", job["sheet"]),
        (".blend", job["blend"]),
    ]
    print()
    for name, value in rows:
        print(f"{name + ' ':.<44} {value}")
    wrong = [
        text
        for text, bad in (
            (f"the IoU after the strokes is below {LEAST_IOU}", numbers["iou_after_strokes"] < LEAST_IOU),
            (f"J&F after the correction is below {LEAST_JF}", after < LEAST_JF),
            ("the correction made it worse", after < before),
            ("the composite is not what masks and pictures make", numbers["composite_error"] > LARGEST_ERROR),
        )
        if bad
    ]
    print(f"\nFAILED: {'; '.join(wrong)}." if wrong else "\nDone.")
    return 1 if wrong else 0


def _measures(mean: float, numbers: Mapping[str, Any], name: str) -> str:
    return f"{mean:.3f} (J {numbers[f'{name}_j']:.3f}, F {numbers[f'{name}_f']:.3f})"
