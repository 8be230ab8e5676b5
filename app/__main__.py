"""The program. Child processes import this module first, and have no use for a command line."""

import sys


def main() -> None:
    """Run the command line."""
    # Importing takes a second, in which an impatient user interrupts, too.
    try:
        from . import cli  # noqa: PLC0415 - see above

        cli.main()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
