"""`python -m rawws` is the command `rawws`."""

from .cli import main

if __name__ == "__main__":
    main()
