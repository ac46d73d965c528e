"""The command, as ``chexinstruct`` and as ``python -m chexinstruct``."""


def main() -> None:
    """Run the command line, see :func:`chexinstruct.cli.main`."""
    # Imported here: spawned workers import the script of the command too, and need no verbs.
    from chexinstruct.cli import main as run

    run()


if __name__ == "__main__":
    main()
