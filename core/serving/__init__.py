"""What gunicorn needs of us before it starts a worker: imports nothing of the application."""
