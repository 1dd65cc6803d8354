"""Takes the operating system's lock on an open file, which ends with the process in any case. Standard library only."""

from __future__ import annotations

import errno
import importlib
import os
from typing import Any

OPEN_FILES_STAY = os.name == "nt"
"""Whether an open file and its folder can be neither renamed nor removed, as on Windows."""
_PLACE = 1 << 30
"""Position of the locked byte on Windows: far behind the content, as others cannot read a locked byte."""
_TAKEN = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)


def try_lock(handle: int) -> bool:
    """Locks an open file until it is closed; returns False if it is locked already.

    A second descriptor in this process counts as another owner.

    Raises:
        OSError: locks are not supported, as on some network drives.
    """
    # Windows has no flock. Its own locks serve as well: they too belong to the open file, and end with it.
    system: Any = importlib.import_module("msvcrt" if OPEN_FILES_STAY else "fcntl")
    try:
        if OPEN_FILES_STAY:
            before = os.lseek(handle, 0, os.SEEK_CUR)
            os.lseek(handle, _PLACE, os.SEEK_SET)
            try:
                system.locking(handle, system.LK_NBLCK, 1)
            finally:
                os.lseek(handle, before, os.SEEK_SET)
        else:
            system.flock(handle, system.LOCK_EX | system.LOCK_NB)
    except OSError as error:
        if error.errno in _TAKEN:
            return False
        raise
    return True
