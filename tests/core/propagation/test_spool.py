"""Tests that spooled mattes come back unchanged, and that a full disk is reported."""

from __future__ import annotations

import numpy as np
import pytest

from blender_cutout.core.errors import StoreError
from blender_cutout.core.propagation.far_side import MatteSpool


def test_mattes_come_back_in_any_order_rounded_to_8_bits() -> None:
    rng = np.random.default_rng(0)
    given = {frame: rng.random((2, 13, 17)).astype(np.float32) for frame in (5, 4, 9)}
    with MatteSpool() as spool:
        for frame, mattes in given.items():
            spool.add(frame, mattes)
        for frame in (9, 5, 4, 5):
            found = spool.get(frame)
            assert found is not None
            assert found.dtype == np.float32
            np.testing.assert_allclose(found, given[frame], atol=0.5 / 255 + 1e-6)
        assert spool.get(6) is None


def test_a_full_temporary_folder_says_what_to_do() -> None:
    with MatteSpool() as spool:

        class Full:
            """A file on a full disk."""

            def seek(self, *_: int) -> int:
                return 0

            def write(self, data: bytes) -> int:
                raise OSError(28, "No space left on device")

            def close(self) -> None:
                raise OSError(28, "No space left on device")  # as a buffered file does that has more to write

        spool._file.close()
        spool._file = Full()  # type: ignore[assignment]
        with pytest.raises(StoreError, match="No space left on device") as caught:
            spool.add(0, np.zeros((1, 4, 4), np.float32))
        assert "Make room" in caught.value.hint
