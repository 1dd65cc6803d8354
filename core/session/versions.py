"""Named positions in a track's journal, in `versions.json`: `{"versions": [{"name": …, "head": …, "settings": …}, …]}`.

A version costs nothing but its name; its mattes are those at its head, and stay on disk while it exists (see
`disk_limit`). Its settings are the host's own text, which is only handed back. The file may come from somebody else:
what is not as written here is ignored.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from .. import atomic
from ..errors import InputError, store_errors
from .actions import is_operation_id
from .journal import ROOT, Journal

FILE = "versions.json"
BEFORE = "Before Return"
"""Name of the version that keeps the state before a return; each one replaces the last."""
MOST = 200
_MOST_BYTES = 2**24
MOST_SETTINGS = 2**20
"""Characters of a version's settings."""
_LONGEST = 80


@dataclass(frozen=True, slots=True)
class Version:
    """A name, the head that it stands for (ROOT = before the first operation), and the host's settings, "" = none."""

    name: str
    head: str
    settings: str = ""


class Versions:
    """The versions of a track.

    Args:
        folder: the track's.
        journal: its operations.
    """

    def __init__(self, folder: Path, journal: Journal) -> None:
        self.folder = folder
        self._journal = journal

    def all(self) -> tuple[Version, ...]:
        """Returns the versions, oldest first. Raises StoreError when the file cannot be read."""
        with store_errors(self.folder / FILE):
            try:
                record = json.loads(atomic.read_regular(self.folder / FILE, _MOST_BYTES, follow=False))
            except FileNotFoundError:
                return ()
            except (ValueError, RecursionError):
                return ()
        found = record.get("versions") if isinstance(record, dict) else None
        named: dict[str, Version] = {}
        for item in found[:MOST] if isinstance(found, list) else ():
            version = _version(item)
            if version is not None and (version.head == ROOT or version.head in self._journal.operations):
                named.setdefault(version.name, version)
        return tuple(named.values())

    def named(self, name: str) -> Version:
        """Returns a version. Raises InputError when there is no such version."""
        for version in self.all():
            if version.name == name:
                return version
        raise InputError(f"There is no version named {name}.", "Choose one of the list.")

    def heads(self) -> list[str]:
        """Returns the heads of all versions."""
        return [version.head for version in self.all()]

    def keep(self, name: str, settings: str = "") -> None:
        """Keeps the state at the journal's head under a name, and settings.

        Raises InputError for a name that is taken or no name, and for too many settings.
        """
        self._check_new(name)
        self._write((*self.all(), Version(name, self._journal.head, settings)))

    def go_to(self, name: str, settings: str = "") -> str:
        """Moves the journal's head to a version; returns the version's settings.

        The state it leaves, and the settings it is left with, are kept as BEFORE, unless a version has them. Raises
        InputError when there is no such version.
        """
        wanted, now = self.named(name), (self._journal.head, settings)
        if (wanted.head, wanted.settings or settings) == now:
            return wanted.settings
        others = [version for version in self.all() if version.name != BEFORE]
        if all((version.head, version.settings) != now for version in others):
            self._write((*others, Version(BEFORE, *now)))
        self._journal.move_head(wanted.head)
        return wanted.settings

    def _check_new(self, name: str) -> None:
        """Raises InputError unless this can be the name of another version."""
        if _name(name) is None:
            raise InputError("A version needs a name of 1 to 80 characters in one line.", "Type another name.")
        found = self.all()
        if any(version.name == name for version in found):
            raise InputError(f"There is a version named {name} already.", "Type another name.")
        if len(found) >= MOST:
            raise InputError(f"There are {MOST} versions already.", "Delete one first.")

    def rename(self, name: str, new: str) -> None:
        """Gives a version another name. Raises InputError for a name that is taken or no name, and StoreError."""
        self.named(name)
        self._check_new(new)
        self._write(replace(one, name=new) if one.name == name else one for one in self.all())

    def delete(self, name: str) -> None:
        """Removes a version, but none of its operations. Raises InputError and StoreError."""
        self.named(name)
        self._write(one for one in self.all() if one.name != name)

    def _write(self, versions: Any) -> None:
        found = list(versions)
        data = json.dumps({"versions": [_record(one) for one in found]}, ensure_ascii=False, indent=1).encode()
        if len(data) > _MOST_BYTES or any(len(one.settings) > MOST_SETTINGS for one in found):
            raise InputError("The settings of the versions take too much space.", "Delete a version first.")
        with store_errors(self.folder / FILE):
            atomic.write(self.folder / FILE, data, durable=True)


def _record(version: Version) -> dict[str, str]:
    return {name: text for name, text in asdict(version).items() if text or name != "settings"}


def _version(item: Any) -> Version | None:
    if not isinstance(item, dict):
        return None
    name, head = _name(item.get("name")), item.get("head")
    if name is None or not isinstance(head, str) or not (head == ROOT or is_operation_id(head)):
        return None
    settings = item.get("settings", "")
    return Version(name, head, settings if isinstance(settings, str) and len(settings) <= MOST_SETTINGS else "")


def _name(text: Any) -> str | None:
    """Returns the text if it is a name."""
    is_name = isinstance(text, str) and 0 < len(text) <= _LONGEST and text.isprintable() and text == text.strip()
    return text if is_name else None
