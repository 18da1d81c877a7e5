"""The networks that turn a face into an embedding."""
