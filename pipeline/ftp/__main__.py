"""`python -m pipeline.ftp` serves the drop folder by FTP until SIGINT or SIGTERM."""

import sys

from pipeline.ftp.server import main

if __name__ == "__main__":
    sys.exit(main())
