"""`cutout bench`: measurements of time and memory."""
