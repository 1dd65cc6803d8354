"""Makes Python environments in a fraction of the time of `venv`, for tests of what is installed into them.

`python -m venv` takes seconds to install pip: most tests need an environment, and not once more the making of one.
What is made is the same: the links to the Python, `pyvenv.cfg`, and the pip that comes with that Python.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

_WHEEL = "import ensurepip, pathlib; print(*(pathlib.Path(ensurepip.__file__).parent / '_bundled').glob('pip-*.whl'))"


def template(folder: Path, base: Path) -> Path:
    """Makes an environment with pip on a Python, to be copied; returns its folder."""
    subprocess.run([base, "-I", "-m", "venv", "--without-pip", folder], check=True, timeout=200)
    asked = subprocess.run([base, "-I", "-c", _WHEEL], capture_output=True, text=True, check=True).stdout.strip()
    (place,) = folder.glob("Lib/site-packages" if sys.platform == "win32" else "lib/python*/site-packages")
    if asked:
        with zipfile.ZipFile(asked) as archive:
            archive.extractall(place)
    else:  # a Python of a distribution that keeps its pip elsewhere
        subprocess.run([base, "-I", "-m", "venv", folder], check=True, timeout=200)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    # Its first run compiles it, once for all copies.
    subprocess.run([python, "-I", "-m", "pip", "install", "--help"], check=True, stdout=subprocess.DEVNULL)
    return folder


def copy_into(made: Path, folder: Path) -> Path:
    """Copies an environment into a folder, as `python -m venv` would make it there; returns the folder."""
    return Path(shutil.copytree(made, folder, symlinks=True, dirs_exist_ok=True))


def quick_base(program: Path, base: Path, made: Path) -> Path:
    """Writes a program that is that Python, except that its `-m venv FOLDER` copies an environment; returns it.

    On Windows, where no script can be a Python, it returns the Python.
    """
    if sys.platform == "win32":
        return base

    def quoted(*words: object) -> str:
        return " ".join(shlex.quote(str(word)) for word in words)

    making = f'[ "$1 $2 $3" = "-I -m venv" ] && exec cp -a {quoted(made)}/. "$4"'
    program.write_text(f'#!/bin/sh\n{making}\nexec {quoted(base)} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return program
