"""Reads what a wheel says about itself: library, version, Python, licences. Standard library only."""

from __future__ import annotations

import email.parser
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from blender_cutout.core.errors import EnvironmentMissing

_SPDX = {"MIT License": "MIT", "MIT": "MIT", "Apache 2.0": "Apache-2.0", "BSD-3-Clause": "BSD-3-Clause"}
"""What the wheels' metadata says -> its SPDX name."""
_TEXT = re.compile(r"licen[sc]e|copying|notice|authors", re.IGNORECASE)
_SHARED = re.compile(r"(?:^|/)(?:[^/]+\.libs|\.dylibs)/(?:lib)?([^-./]+)[-.][^/]+$")
"""A shared library that a wheel brings: `av.libs/libx264-d6533a8d.so.165`."""
_FFMPEG = (
    "PyAV's wheel contains FFmpeg built with x264, x265 and OpenCORE AMR, which as a whole is under the GNU General "
    "Public License, version 3 or later: see LICENSE. Its authors publish what it is built from at "
    "https://github.com/PyAV-Org/pyav-ffmpeg\n"
)


@dataclass(frozen=True, slots=True)
class WheelFacts:
    """A wheel as it describes itself.

    Attributes:
        file: its name.
        name, version: of the library.
        python: the Python its compiled code is for, such as "3.11"; "" = several.
        size: in bytes.
        licence: SPDX name.
        texts: name -> text of each licence file, none twice.
        shared: names of the shared libraries in it.
    """

    file: str
    name: str
    version: str
    python: str
    size: int
    licence: str
    texts: Mapping[str, bytes]
    shared: tuple[str, ...]


def read(path: Path) -> WheelFacts:
    """Returns a wheel's facts.

    Raises:
        EnvironmentMissing: it is damaged, or its licence is none of those known here.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            meta = next(name for name in names if name.endswith(".dist-info/METADATA"))
            said = email.parser.BytesParser().parsebytes(archive.read(meta), headersonly=True)
            texts: dict[str, bytes] = {}
            for name in sorted(names, key=lambda name: (name.count("/"), name)):
                file = PurePosixPath(name)
                if _TEXT.search(file.name) and file.suffix not in (".py", ".pyi", ".h"):
                    text = archive.read(name)
                    if text not in texts.values():
                        texts[file.name] = text
    except (OSError, zipfile.BadZipFile, StopIteration) as error:
        raise EnvironmentMissing(f"{path.name} cannot be read as a wheel.", "Delete it and build again.") from error
    claimed = str(said.get("License-Expression") or said.get("License") or "")
    if claimed not in _SPDX:
        raise EnvironmentMissing(
            f"{path.name} gives its licence as {claimed!r}, which is not known here.",
            "Read it, then add it to devtools/wheel_facts.py.",
        )
    shared = sorted({found[1] for name in names if (found := _SHARED.search(name))}, key=str.lower)
    _, _, python, abi, _ = path.name.removesuffix(".whl").rsplit("-", 4)
    number = "" if abi in ("abi3", "none") else f"{python[2]}.{python[3:]}"
    library = str(said["Name"]), str(said["Version"])
    return WheelFacts(path.name, *library, number, path.stat().st_size, _SPDX[claimed], texts, tuple(shared))


def licence_files(facts: Iterable[WheelFacts]) -> dict[str, bytes]:
    """Returns name in the zip -> text: every licence of the libraries, and a list of them."""
    files: dict[str, bytes] = {}
    lines = ["Libraries in this extension's wheels, with their licences:\n"]
    for item in sorted(facts, key=lambda item: item.file):
        folder = f"licences/{item.name}-{item.version}"
        if f"{folder}/" in "".join(lines):
            continue
        lines.append(f"{item.name} {item.version}: {item.licence}; texts in {folder}/")
        if item.shared:
            lines.append(f"  with {', '.join(item.shared)}")
        files |= {f"{folder}/{name}": text for name, text in item.texts.items()}
    files["licences/README.txt"] = ("\n".join(lines) + "\n\n" + _FFMPEG).encode()
    return files


def summary(facts: Sequence[WheelFacts], notes: Sequence[str] = ()) -> list[str]:
    """Returns lines for whoever builds: each wheel with size and licence, and the Pythons that accept the zip."""
    lines = [f"{item.size / 1e6:6.1f} MB  {item.licence:<13}{item.file}" for item in facts]
    pythons = sorted({item.python for item in facts if item.python}, key=lambda text: int(text.partition(".")[2]))
    lines.append(
        f"{sum(item.size for item in facts) / 1e6:6.1f} MB  together; for Blenders with Python {', '.join(pythons)}"
    )
    return [*lines, *notes]
