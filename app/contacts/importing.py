"""Taking in a file of contacts."""
