"""Runs the engine in a process of its own: message loop and jobs. No Blender here."""
