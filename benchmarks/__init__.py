"""How fast the shop is, beside raw SQLite doing the same work on the same file in the same minute: `python -m benchmarks`."""
