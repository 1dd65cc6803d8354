"""Files that Blender's own Python reads and writes: grey PNG, spline files, the rotation of a movie."""
