"""What was measured, for people and for programs: a table, plots, a page, a file of JSON."""
