"""`python -m yoake` is the command `yoake`."""

from yoake.cli import main

if __name__ == "__main__":
    main()
