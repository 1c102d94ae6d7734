"""How fast the shop is, beside raw SQLite doing the same work on the same file: `python -m benchmarks`."""
