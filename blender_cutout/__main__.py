"""Runs the `cutout` command as `python -m blender_cutout`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
