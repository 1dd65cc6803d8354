"""Reading clips frame by frame: movies, picture sequences, masks of other programs, cuts and fades."""
