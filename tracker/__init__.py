"""Finance Tracker: the money and stock of a small shop, on one PC."""

__version__ = "0.1.0"
