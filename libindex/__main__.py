"""``python -m libindex``."""

from libindex.cli import main

if __name__ == "__main__":
    main()
