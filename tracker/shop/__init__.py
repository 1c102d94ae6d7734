"""The books: one noun to a file, with its tables, its rules and its questions. No web, no queue, no mail."""
