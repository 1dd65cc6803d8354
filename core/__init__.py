"""The host-independent engine: numpy, OpenCV and PyAV; neither torch nor Blender."""
