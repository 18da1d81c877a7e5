"""What is measured for Prometheus: requests and photos here, and the state of the service."""
