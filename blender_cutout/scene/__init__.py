"""What a .blend file keeps of its cutouts, and the rules on it."""
