"""`python -m kuamo` is `kuamo`."""

from kuamo.cli.main import main

if __name__ == "__main__":
    main()
