"""The host-independent engine, built on numpy, OpenCV and PyAV; needs neither torch nor Blender."""
