"""A sender of webhooks beside a served API, until it is ended: what the watcher's process does."""

import signal

from core.settings import load_settings
from db.session import Database
from pipeline.webhooks.sender import sending

if __name__ == "__main__":
    settings = load_settings()
    with sending(Database(settings.resolved_database_url), settings):
        signal.pause()
