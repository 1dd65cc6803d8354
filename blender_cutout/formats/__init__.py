"""Files that Blender's own Python reads: grey PNGs, spline files, and a movie's rotation."""
