"""``python -m rlflood``."""

from rlflood.cli import main

main()
