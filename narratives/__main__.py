"""Lets ``python -m narratives`` be the command line."""

from narratives.cli.main import main

if __name__ == "__main__":
    main()
