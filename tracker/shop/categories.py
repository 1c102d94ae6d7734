"""Categories: the shelves that products are sorted under."""

from __future__ import annotations

from typing import Any

import peewee

from tracker import db, text
from tracker.errors import NotFound, Refused
from tracker.shop import audit


class Category(db.Model):
    """A shelf."""

    code = peewee.TextField(default="")
    code_key = peewee.TextField(null=True, unique=True)
    name = peewee.TextField()
    name_key = peewee.TextField(unique=True)
    description = peewee.TextField(default="")


FIELDS = ("name", "code", "description")


def add(name: str, code: str = "", description: str = "") -> Category:
    """A new category. Raises Refused at the field when name or code is taken."""
    values = checked(name=name, code=code, description=description)
    with db.write():
        _refuse_taken(values, but=None)
        category = Category.create(**values)
        audit.note("category.add", f"category:{category.id}", name=category.name)
    return category


def edit(category_id: int, **fields: str) -> Category:
    """Change what is given of name, code, description. Raises Refused at the field, NotFound."""
    values = checked(**fields)
    with db.write():
        get(category_id)
        _refuse_taken(values, but=category_id)
        if values:
            Category.update(**values).where(Category.id == category_id).execute()
            audit.note("category.edit", f"category:{category_id}", **fields)
    return get(category_id)


def get(category_id: int) -> Category:
    """Raises NotFound."""
    category = Category.get_or_none(Category.id == category_id)
    if category is None:
        raise NotFound("There is no such category.")
    return category


def find(name_or_code: str) -> Category | None:
    """By code, else by name, capitals or not."""
    key = text.key(name_or_code)
    if not key:
        return None
    return Category.get_or_none(Category.code_key == key) or Category.get_or_none(Category.name_key == key)


def find_or_add(name_or_code: str) -> Category | None:
    """The category of this name or code, made when there is none; None for an empty text."""
    with db.write():
        return find(name_or_code) or (add(name_or_code) if text.key(name_or_code) else None)


def choices() -> list[tuple[int, str]]:
    """(id, name) for a choice in a form."""
    return db.rows("SELECT id, name FROM category ORDER BY name_key")


def checked(**fields: str) -> dict[str, Any]:
    """The columns for these fields, cleaned. Raises Refused at the field."""
    unknown = fields.keys() - set(FIELDS)
    if unknown:
        raise TypeError(f"a category has no {', '.join(sorted(unknown))}")
    found: dict[str, Any] = {}
    if "name" in fields:
        found["name"] = text.line(fields["name"], "name", "name", text.NAME, required=True)
        found["name_key"] = text.key(found["name"])
    if "code" in fields:
        found["code"] = text.line(fields["code"], "code", "code", 60)
        found["code_key"] = text.key(found["code"]) or None
    if "description" in fields:
        found["description"] = text.note(fields["description"], "description", "description")
    return found


def _refuse_taken(values: dict[str, Any], but: int | None) -> None:
    for key, field in (("name_key", "name"), ("code_key", "code")):
        if not values.get(key):
            continue
        other = Category.get_or_none(getattr(Category, key) == values[key], Category.id != but)
        if other is not None:
            raise Refused(f"There is a category with this {field} already: {other.name}.", field)
