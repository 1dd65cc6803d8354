"""Runs every fuzzer for a few seconds, as a test; for the long run use `python -m tests.fuzz`."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from . import watch

SECONDS = 20.0
SEED = 20


@pytest.fixture(scope="module")
def tallies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[watch.Tally]]]:
    """The result of each fuzzer; two run at a time, in the order of the tests."""
    saved = tmp_path_factory.mktemp("findings")
    with ThreadPoolExecutor(2) as pool:
        yield {name: pool.submit(watch.fuzz, name, SEED, SECONDS, saved=saved) for name in watch.TARGETS}


@pytest.mark.parametrize("name", watch.TARGETS)
def test_whatever_stands_in_a_file_it_is_read_or_refused_in_our_own_words(
    tallies: dict[str, Future[watch.Tally]], name: str
) -> None:
    tally = tallies[name].result()
    assert not tally.counts, watch.table([tally])
    assert tally.inputs > 10
