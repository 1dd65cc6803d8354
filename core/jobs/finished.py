"""Records which tasks of a job are finished: one small file for each, so several machines can write at once.

A record names the content of the job file, so a job that was edited is done again.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from .. import atomic
from ..errors import store_errors
from .job_file import files_folder

if TYPE_CHECKING:
    from .tasks import Task

FOLDER = "finished"
_MOST_BYTES = 4096


class Finished:
    """The finished tasks of a job file.

    Args:
        path: the job file.
    """

    def __init__(self, path: Path) -> None:
        self._folder = files_folder(path) / FOLDER
        self._job = digest_of(path)

    def __contains__(self, task: Task) -> bool:
        try:
            record = json.loads(atomic.read_regular(self._path(task), _MOST_BYTES))
        except (OSError, ValueError, RecursionError):
            return False
        return isinstance(record, dict) and record.get("job") == self._job

    def add(self, task: Task) -> None:
        """Records a task as finished. Raises StoreError."""
        with store_errors(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            atomic.write(self._path(task), json.dumps({"job": self._job, "task": task.name}).encode(), durable=True)

    def _path(self, task: Task) -> Path:
        return self._folder / f"{task.name}.json"


def digest_of(path: Path) -> str:
    """Returns a hash of a job file's content; "" if it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
