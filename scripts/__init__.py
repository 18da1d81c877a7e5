"""Programs behind the Makefile; the service itself does not import them."""
