"""Fields that read strictly and complain in the ground floor's sentences; what was typed stays in the field."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, time
from typing import Any

from markupsafe import Markup
from wtforms import BooleanField, Field, ValidationError
from wtforms.fields import FileField, HiddenField
from wtforms.widgets import (
    DateInput,
    EmailInput,
    NumberInput,
    PasswordInput,
    SearchInput,
    TelInput,
    TextArea,
    TextInput,
    TimeInput,
    html_params,
)

from tracker import text
from tracker.errors import Refused
from tracker.money import Money
from tracker.quantity import PLACES, Quantity

__all__ = [
    "ChoiceField", "DayField", "EmailField", "HiddenField", "LineField", "MoneyField", "NoteField",
    "NumberField", "PasswordField", "PhoneField", "QuantityField", "SearchField", "TickField", "TimeField",
    "UploadField",
]  # fmt: skip


class TypedField(Field):
    """Text from a person turned into a value. Subclasses say how in `read`; empty is None unless `required`."""

    widget: Any = TextInput()
    shape = ""  # a class for the look: "number" aligns right
    keep_empty: Any = None

    def __init__(
        self, label: str, required: bool = False, help: str = "", prefix: str = "", suffix: str = "", **more: Any
    ):
        super().__init__(label, **more)
        self.needed, self.help, self.prefix, self.suffix = required, help, prefix, suffix
        if required:
            self.flags.required = True

    @property
    def called(self) -> str:
        """The label inside a sentence: `supplier name`, but `SKU` stays."""
        label = str(self.label.text)
        return label if label[1:2].isupper() else label[0].lower() + label[1:]

    def read(self, typed: str) -> Any:
        raise NotImplementedError

    def process_formdata(self, valuelist: list[Any]) -> None:
        typed = str(valuelist[0]) if valuelist else ""
        self.data = self.keep_empty
        if not typed.strip():
            if self.needed:
                raise ValueError(f"Fill in “{self.label.text}”.")  # labels are not all nouns: “How many came”
            return
        try:
            self.data = self.read(typed)
        except Refused as no:
            raise ValueError(no.message) from no

    def write(self, value: Any) -> str:
        return str(value)

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else self.write(self.data)


class LineField(TypedField):
    """One line of text, cleaned as the books clean it; empty is the empty text."""

    keep_empty = ""

    def __init__(self, label: str, required: bool = False, longest: int = text.LINE, **more: Any):
        super().__init__(label, required, **more)
        self.longest = longest
        self.flags.maxlength = longest

    def read(self, typed: str) -> str:
        return text.line(typed, self.name, self.called, self.longest, self.needed)


class SearchField(LineField):
    widget = SearchInput()


class EmailField(LineField):
    """An e-mail address; the books say what is wrong with it."""

    widget = EmailInput()


class PhoneField(LineField):
    widget = TelInput()


class NoteField(TypedField):
    """Several lines of text."""

    widget = TextArea()
    keep_empty = ""

    def __init__(self, label: str, required: bool = False, longest: int = text.NOTE, rows: int = 3, **more: Any):
        super().__init__(label, required, **more)
        self.longest, self.rows = longest, rows

    def read(self, typed: str) -> str:
        return text.note(typed, self.name, self.called, self.longest)


class PasswordField(TypedField):
    """Taken exactly as typed, and never shown again."""

    widget = PasswordInput()
    keep_empty = ""

    def read(self, typed: str) -> str:
        return typed

    def process_formdata(self, valuelist: list[Any]) -> None:
        super().process_formdata(valuelist)
        self.data = str(valuelist[0]) if valuelist else ""

    def _value(self) -> str:
        return ""


class MoneyField(TypedField):
    """An amount of the shop's currency, read strictly: `12.50` never becomes 1250."""

    shape = "number"

    def read(self, typed: str) -> Money:
        return Money.parse(typed)


class QuantityField(TypedField):
    """An amount of goods; `decimals` is how many the product's unit allows. A form may set it after it was made."""

    shape = "number"

    def __init__(self, label: str, required: bool = False, decimals: int | Callable[[], int] = PLACES, **more: Any):
        super().__init__(label, required, **more)
        self.decimals = decimals

    def read(self, typed: str) -> Quantity:
        return Quantity.parse(typed, self.decimals() if callable(self.decimals) else self.decimals)


class NumberField(TypedField):
    """A whole number between two bounds."""

    widget = NumberInput()
    shape = "number"

    def __init__(self, label: str, required: bool = False, low: int = 0, high: int = 10**9, **more: Any):
        super().__init__(label, required, **more)
        self.low, self.high = low, high
        self.flags.min, self.flags.max = low, high

    def read(self, typed: str) -> int:
        cleaned = typed.strip()
        if not re.fullmatch(r"-?[0-9]{1,12}", cleaned) or not self.low <= int(cleaned) <= self.high:
            raise Refused(f"Enter a whole number from {self.low:,} to {self.high:,}.")
        return int(cleaned)


class DayField(TypedField):
    """A date of the shop, as `<input type=date>` sends it: 2026-11-23 and nothing else."""

    widget = DateInput()

    def read(self, typed: str) -> date:
        cleaned = typed.strip()
        try:
            if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", cleaned):
                raise ValueError
            found = date.fromisoformat(cleaned)
        except ValueError as error:
            raise Refused(f"“{cleaned[:20]}” is not a date. Write it like 2026-11-23.") from error
        if not 1990 <= found.year <= 2200:
            raise Refused(f"The year {found.year} can't be right.")
        return found

    def write(self, value: date) -> str:
        return value.isoformat()


class TimeField(TypedField):
    """A time of day, `08:00`."""

    widget = TimeInput()

    def read(self, typed: str) -> time:
        cleaned = typed.strip()
        if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", cleaned):
            raise Refused(f"“{cleaned[:20]}” is not a time. Write it like 08:00.")
        return time.fromisoformat(cleaned)

    def write(self, value: time) -> str:
        return value.strftime("%H:%M")


def _select(field: ChoiceField, **attributes: Any) -> Markup:
    chosen = field._value()
    option = Markup('<option value="{}"{}>{}</option>')
    mark = Markup(" selected")
    options = Markup("").join(
        option.format(value, mark if str(value) == chosen else "", label) for value, label in field.choices
    )
    about = {"id": field.id, "name": field.name, "required": field.needed, **attributes}
    return Markup("<select {}>{}</select>").format(Markup(html_params(**about)), options)


class ChoiceField(TypedField):
    """One of a list of (value, label). `coerce=int` for ids; an empty choice is None then, else the empty text.

    A form may set `choices` after it was made, before it validates: what was sent is looked up then.
    """

    widget: Any = staticmethod(_select)

    def __init__(
        self,
        label: str,
        choices: Sequence[tuple[Any, str]] = (),
        required: bool = False,
        coerce: Callable[[str], Any] = str,
        **more: Any,
    ):
        super().__init__(label, required, **more)
        self.choices, self.coerce = list(choices), coerce
        self.keep_empty = "" if coerce is str else None

    def read(self, typed: str) -> Any:
        try:
            return self.coerce(typed)
        except ValueError as error:
            raise Refused("Choose one from the list.") from error

    def process_formdata(self, valuelist: list[Any]) -> None:
        typed = str(valuelist[0]) if valuelist else ""
        self.data = self.keep_empty
        if typed:
            try:
                self.data = self.read(typed)
            except Refused as no:
                raise ValueError(no.message) from no

    def pre_validate(self, form: Any) -> None:
        empty = self.data in (None, "")
        known = {str(value) for value, _ in self.choices}
        if (empty and self.needed) or (not empty and str(self.data) not in known):
            raise ValidationError("Choose one from the list.")


class TickField(BooleanField):
    """Yes or no."""

    def __init__(self, label: str, help: str = "", **more: Any):
        super().__init__(label, **more)
        self.needed, self.help, self.prefix, self.suffix, self.shape = False, help, "", "", ""


class UploadField(FileField):
    """A file; `accept` lists the endings the picker offers. The page function checks what came."""

    def __init__(self, label: str, accept: str = "", help: str = "", required: bool = False, **more: Any):
        super().__init__(label, **more)
        self.needed, self.help, self.prefix, self.suffix, self.shape = required, help, "", "", ""
        self.accept = accept
