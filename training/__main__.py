"""`python -m training`: see docs/training.md."""

import sys

from training.commands.line import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
