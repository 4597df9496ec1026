"""`python -m kuamo` is `kuamo`."""

from kuamo.cli.app import main

if __name__ == "__main__":
    main()
