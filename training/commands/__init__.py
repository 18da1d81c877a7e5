"""`python -m training <command>`: one module a command."""
