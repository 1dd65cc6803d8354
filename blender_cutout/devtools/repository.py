"""Writes a static extension repository: zips and the index that Blender itself makes of them. Standard library only.

Any web space can serve the folder. Artists add the address of its `index.json` under *Preferences > Get Extensions >
Repositories*; Blender then installs and updates from it.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from blender_cutout.core.errors import EnvironmentMissing
from blender_cutout.environment import venv

from . import blenders, suites

INDEX = "index.json"
_OURS = re.compile(r"blender_cutout-[0-9.]+(?:-[a-z0-9_]+)?\.zip")
_NAME_ONE = "Name one: python install.py repository --output DIR --blender PATH"


def index_command(chosen: str | None = None) -> list[str]:
    """Returns Blender's command for extensions: of the chosen Blender, else of the tests' own, else of any found.

    Raises:
        BlenderError: the chosen one cannot be used.
        EnvironmentMissing: there is no Blender.
    """
    if not chosen:
        for suite in reversed(suites.blender_suites()):
            scripts = suite.folder.glob("[Ll]ib/**/bpy/*/scripts/addons_core/bl_pkg/cli/blender_ext.py")
            script = next(scripts, None) if venv.is_complete(suite.folder) else None
            if script is not None:
                return [str(venv.python_of(suite.folder)), str(script)]
    found = blenders.find_blenders(chosen)
    if not found:
        raise EnvironmentMissing("Blender itself writes a repository's index, and no Blender was found.", _NAME_ONE)
    return [str(found[0].path), "--command", "extension"]


def write_index(folder: Path, archives: Sequence[Path], command: Sequence[str]) -> Path:
    """Returns the index of a folder with exactly these zips; deletes zips of other releases of this add-on.

    Args:
        folder: the repository; the zips are in it.
        archives: the zips.
        command: the result of `index_command`.

    Raises:
        EnvironmentMissing: Blender does not write it, or leaves a zip out; gives its own words.
    """
    wanted = {path.name for path in archives}
    for path in folder.glob("*.zip"):
        if path.name not in wanted and _OURS.fullmatch(path.name):
            path.unlink()
    words = [*command, "server-generate", "--repo-dir", str(folder), "--html"]
    try:
        answer = subprocess.run(words, capture_output=True, text=True, errors="replace", timeout=300)
    except (OSError, subprocess.SubprocessError) as error:
        raise EnvironmentMissing(f"{words[0]} cannot be started ({error}).", _NAME_ONE) from error
    said = " ".join((answer.stdout + answer.stderr).strip().splitlines()[-3:])
    index = folder / INDEX
    try:
        listed = {Path(item["archive_url"]).name for item in json.loads(index.read_text(encoding="utf-8"))["data"]}
    except (OSError, ValueError, KeyError, TypeError):
        listed = set()
    if answer.returncode or not wanted <= listed:
        lacking = ", ".join(sorted(wanted - listed))
        raise EnvironmentMissing(f"Blender did not list {lacking or 'the zips'}: {said}", "Try another Blender.")
    return index
