"""`python -m kuamo` is `kuamo`."""

from kuamo.cli import main

if __name__ == "__main__":
    main()
