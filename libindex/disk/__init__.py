"""What is on the disk: walking folders, presence of drives, kinds of file systems."""
