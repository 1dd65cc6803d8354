"""Renders training clips in a Blender of its own, see `render_clips.py`."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from blender_cutout.core.errors import InputError

from ..blender_process import choose_blender, inside
from ..progress_lines import StepFailed, listen

SCRIPT = Path(__file__).resolve().parent / "render_clips.py"


def run(options: Namespace, show: Callable[[str], None]) -> int:
    """Renders the missing clips; returns 0, or 1 if Blender failed.

    Args:
        options: `blender`, a program or None; `output`, `count`, `seed`; `pictures`, folders of photographs.
        show: prints the lines of installations.

    Raises:
        InputError: the count or the seed is out of range, or a folder of pictures is missing.
        EnvironmentMissing: there is no Blender.
    """
    if options.count < 1 or options.seed < 0:
        raise InputError("The count must be at least 1 and the seed at least 0.", "For instance: --count 100 --seed 1")
    pictures = [Path(folder).expanduser().absolute() for folder in options.pictures]
    for folder in pictures:
        if not folder.is_dir():
            raise InputError(f"There is no folder {folder}.", "Give folders of photographs: --pictures DIR")
    output = Path(options.output).expanduser().absolute()
    output.mkdir(parents=True, exist_ok=True)
    blender = choose_blender(options.blender, "clips", show)
    variables = {k: v for k, v in os.environ.items() if not k.upper().startswith("PYTHON")}
    # A Blender profile of its own: the user's settings are neither read nor changed.
    variables["BLENDER_USER_RESOURCES"] = str(output / ".blender-user")
    try:
        listen(inside(blender, SCRIPT, output, str(options.count), str(options.seed), *pictures), variables)
    except StepFailed as error:
        print(f"\n{error}")
        return 1
    return 0
