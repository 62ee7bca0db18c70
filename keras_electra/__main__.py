"""`python -m keras_electra` is the program `keras-electra`."""

import sys

from keras_electra.cli import main

if __name__ == "__main__":
    sys.exit(main())
