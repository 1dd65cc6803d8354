"""Everything that Write Strips leaves in the scene: mask strips, RGBA strips, mask splines and backgrounds."""
