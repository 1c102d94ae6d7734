"""Numbered scripts that make and change the tables of the books; each is frozen once a shop may have run it."""
