"""The object's edge: a decided band, its alpha, and the colour without the background's share."""
