"""Tests the log of confidences, also as older versions wrote it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from blender_cutout.core.session.confidence_log import ConfidenceLogs, note
from blender_cutout.core.session.store import MatteStore


@pytest.fixture
def store(tmp_path: Path) -> MatteStore:
    store = MatteStore(tmp_path)
    store.write("0123456789ab", 3, np.ones((4, 6), np.float32))
    return store


def test_what_is_noted_is_read(store: MatteStore) -> None:
    logs = ConfidenceLogs(store)
    note(store, "0123456789ab", 3, 0.714)
    assert logs.of("0123456789ab") == {3: 71}
    note(store, "0123456789ab", 4, 1.0)
    assert logs.of("0123456789ab") == {3: 71, 4: 99}


def test_the_certainty_that_older_versions_noted_becomes_a_confidence(store: MatteStore) -> None:
    (store.folder / "0123456789ab" / "confidence.txt").write_text("3 84\n5 95\n6 0\n", "ascii")
    assert ConfidenceLogs(store).of("0123456789ab") == {3: 59, 5: 92, 6: 0}
    note(store, "0123456789ab", 3, 0.2)
    assert ConfidenceLogs(store).of("0123456789ab") == {3: 20, 5: 92, 6: 0}
