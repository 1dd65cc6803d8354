"""Training clips that Blender renders: moving things with exact masks, see `launch.py` and `render_clips.py`."""
