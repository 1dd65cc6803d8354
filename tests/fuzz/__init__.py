"""Bounded fuzzers of everything that is read from files others may have made: `python -m tests.fuzz`."""
