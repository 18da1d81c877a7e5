"""HTTP and command line: thin views over the pipeline, one module per resource."""

from api.app import create_app

__all__ = ["create_app"]
