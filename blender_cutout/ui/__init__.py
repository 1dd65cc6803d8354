"""What the artist sees: panels, preferences, the toolbar and the overlays."""
