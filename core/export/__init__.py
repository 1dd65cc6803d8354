"""Writing results: mattes, pictures, films, splines, and sound."""
