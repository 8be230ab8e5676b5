"""The program. Child processes import this module first, and have no use for a command line."""


def main() -> None:
    """Run the command line."""
    from . import cli  # noqa: PLC0415 - see above

    cli.main()


if __name__ == "__main__":
    main()
