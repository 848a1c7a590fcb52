"""What the owner did and said about sounds. It belongs to contents, not to paths."""
