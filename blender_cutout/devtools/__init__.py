"""What only a source checkout needs: the extension's zip, finding a Blender, the test environments, the demo."""
