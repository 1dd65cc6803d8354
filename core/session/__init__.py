"""One cutout on disk: its journal, rounds, mattes, limits and locks."""
