"""``python -m rlflood``."""

from rlflood.cli import main

if __name__ == "__main__":  # processes that a study starts import this module too
    main()
