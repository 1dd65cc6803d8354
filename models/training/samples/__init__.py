"""Training samples: stills, clips, strokes and their augmentation."""
