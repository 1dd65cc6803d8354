"""Bounded fuzzers of everything that is read from files which others may have made: `python -m tests.fuzz`."""
