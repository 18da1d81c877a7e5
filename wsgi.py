"""The application for gunicorn and flask's command line. Importing it connects to nothing."""

import sys

from api import create_app
from core.settings import SettingsError

try:
    app = create_app()
except SettingsError as error:
    sys.exit(f"Kenal cannot start: {error}")
