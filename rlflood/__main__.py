"""The command ``rlflood``, and ``python -m rlflood``."""

from rlflood.errors import told


def main() -> None:
    """Run a command; where its packages were left out, say which."""
    with told():
        from rlflood.cli import main as command
    command()


if __name__ == "__main__":  # processes that a study starts import this module too
    main()
