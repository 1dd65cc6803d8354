"""The engine's process: message loop and jobs. No Blender here."""
