"""The import page: choose what and a file, look at what would happen row by row, then book it; and the demo shop."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Blueprint, Response, g, render_template, request
from flask.typing import ResponseReturnValue

from tracker.errors import Refused
from tracker.shop import demo, imports, settings
from tracker.shop.imports import Outcome, Wish, files, lines
from tracker.shop.imports.files import Sheet
from tracker.shop.imports.lines import Line
from tracker.web import chrome, htmx, search, uploads
from tracker.web.access import Person, needs
from tracker.web.fields import ChoiceField, UploadField
from tracker.web.forms import Form
from tracker.web.security import takes

page = Blueprint("imports", __name__)
GOOD_SHOWN, BAD_SHOWN, COLUMNS_SHOWN = 50, 500, 6
KINDS = {
    "products": "Products",
    "suppliers": "Suppliers",
    "categories": "Categories",
    "debts": "Debts",
}
HINTS = {
    "products": (
        "Supplier and category by name or code: bring those in first. An empty reorder level means never, 0 means when "
        "it is sold out. What is on hand becomes opening stock, worth its cost."
    ),
    "suppliers": "Terms are the days you have to pay.",
    "categories": "The shelves that products are sorted under.",
    "debts": "What you owe already. An empty due date follows from the supplier's terms. Write dates like 2026-11-23.",
}
AFTERWARDS = {"products": "/products", "suppliers": "/suppliers", "categories": "/products", "debts": "/debts"}
STATES = {
    lines.NEW: ("New", "ok"),
    lines.UPDATE: ("Changes", "accent"),
    lines.SAME: ("As it is", "plain"),
    lines.SKIP: ("There already", "plain"),
    lines.BAD: ("Can't come in", "bad"),
}


class FileForm(Form):
    """What is brought, and the file."""

    kind = ChoiceField("What is in the file", list(KINDS.items()), required=True)
    file = UploadField(
        "File", ".csv,.tsv,.txt,.xlsx,.xlsm,.ods", "CSV, Excel or LibreOffice, up to 20 MB.", required=True
    )


@page.get("/imports")
@needs("import.run")
def index() -> str:
    form = FileForm(kind=_kind(request.args.get("kind", "")))
    return _index(form)


@page.get("/import/<kind>")
@needs("import.run")
def short_cut(kind: str) -> ResponseReturnValue:
    return htmx.see_other(f"/imports?kind={_kind(kind)}")


def _kind(name: str) -> str:
    return name if name in KINDS else "products"


def _index(form: FileForm) -> str:
    kind = _kind(str(form.kind.data))
    return render_template(
        "imports/index.html", form=form, kind=kind, kinds=KINDS, hint=HINTS[kind], header=imports.header(kind)
    )


@page.get("/imports/template/<kind>.csv")
@needs("import.run")
def template(kind: str) -> Response:
    content = imports.template(kind).encode("utf-8-sig")
    answer = Response(content, content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{_kind(kind)}.csv"'
    return answer


@page.post("/imports")
@takes(files.LARGEST + 1_000_000)
@needs("import.run")
def upload() -> ResponseReturnValue:
    form = FileForm()
    if form.validate():
        brought = request.files.get("file")
        try:
            content = uploads.refuse_empty(brought.read() if brought else b"")
            files.read(content)  # what can't be read at all is said beside the field
        except Refused as no:
            form.refuse(Refused(no.message, "file"))
        else:
            return htmx.see_other(f"/imports/{uploads.keep(content)}?kind={form.kind.data}")
    return _index(form), 422


# --- look, then book --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Choice:
    """How a waiting file is to be taken, as the address or the form says."""

    kind: str
    wish: Wish

    def fields(self, columns: bool = True) -> list[tuple[str, str]]:
        """The same as hidden fields."""
        told = [("kind", self.kind)] + ([("update", "1")] if self.wish.update else [])
        return told + [(f"column-{name}", title) for name, title in self.wish.columns.items() if columns]

    def url(self, path: str, update: bool) -> str:
        """The page of the file, with what exists already changed or left."""
        told = [one for one in self.fields() if one[0] != "update"] + ([("update", "1")] if update else [])
        return f"{path}?{urlencode(told)}"


def _choice() -> Choice:
    kind = _kind(request.values.get("kind", ""))
    given = {
        name: title
        for name in (one.name for one in imports.KINDS[kind].FIELDS)
        if (title := request.values.get(f"column-{name}", ""))
    }
    return Choice(kind, Wish(bool(request.values.get("update")), bool(request.values.get("skip_bad")), given))


@page.get("/imports/<name>")
@needs("import.run")
def show(name: str) -> ResponseReturnValue:
    sheet, choice = files.read(uploads.take(name)), _choice()
    try:
        return _show(name, sheet, choice, imports.preview(choice.kind, sheet, choice.wish))
    except Refused as no:
        return _show(name, sheet, choice, None, no.message), 422


@page.post("/imports/<name>")
@needs("import.run")
def book(name: str) -> ResponseReturnValue:
    sheet, choice = files.read(uploads.take(name)), _choice()
    try:
        outcome = imports.book(choice.kind, sheet, choice.wish)
    except Refused as no:
        return _show(name, sheet, choice, None, no.message), 422
    if not outcome.is_booked:
        return _show(name, sheet, choice, outcome), 422
    uploads.forget(name)
    return htmx.see_other(AFTERWARDS[choice.kind], _said(outcome))


def _said(outcome: Outcome) -> str:
    found = outcome.as_json()
    parts = [(found["added"], "added"), (found["updated"], "changed"), (found["skipped"], "left out")]
    words = ", ".join(f"{number:,} {done}" for number, done in parts if number)
    return f"{KINDS[outcome.kind]}: {words or 'nothing to do'}."


def _show(name: str, sheet: Sheet, choice: Choice, outcome: Outcome | None, complaint: str = "") -> str:
    found = outcome.lines if outcome else []
    bad = [line for line in found if line.faults]
    good = [line for line in found if not line.faults]
    shown = [*bad[:BAD_SHOWN], *good[:GOOD_SHOWN]]  # what must be mended stands first
    where = outcome.columns.where if outcome else {}
    fields = imports.KINDS[choice.kind].FIELDS
    columns = [where[one.name] for one in fields if one.name in where and not one.extra][:COLUMNS_SHOWN]
    return render_template(
        "imports/show.html",
        name=name,
        choice=choice,
        outcome=outcome,
        complaint=complaint,
        bad=len(bad),
        counts=[(*STATES[state], outcome.count(state)) for state in STATES if outcome.count(state)] if outcome else [],
        titles=[title for _, title in columns],
        rows=[(line, *STATES[line.state], _cells(line, [at for at, _ in columns])) for line in shown],
        to_do=outcome.count(lines.NEW, lines.UPDATE) if outcome else 0,
        there=outcome.count(lines.SKIP, lines.UPDATE, lines.SAME) if outcome else 0,
        unseen=len(found) - len(shown),
        kinds=KINDS,
        header=sheet.header,
        wanted=[(one.name, _title(outcome, choice, one.name)) for one in fields],
    )


def _cells(line: Line, positions: list[int]) -> list[str]:
    cells = [line.cells[at] if at < len(line.cells) else "" for at in positions]
    return [cell if len(cell) <= 60 else f"{cell[:60]}…" for cell in cells]


def _title(outcome: Outcome | None, choice: Choice, field: str) -> str:
    """The file's column that this field is read from."""
    if outcome and field in outcome.columns.where:
        return str(outcome.columns.where[field][1])
    return choice.wish.columns.get(field, "")


# --- the demo shop ----------------------------------------------------------------------------------------------------


@page.get("/demo")
@needs("import.run")
def look() -> str:
    return render_template("imports/demo.html", is_possible=demo.is_possible(), is_demo=settings.current().is_demo)


@page.post("/demo")
@needs("import.run")
def load() -> ResponseReturnValue:
    demo.load()
    return htmx.see_other("/", "The demo shop is open. Look around: nothing in it is real.")


@page.post("/demo/remove")
@needs("import.run")
def remove() -> ResponseReturnValue:
    demo.remove()
    return htmx.see_other("/products", "The demo shop is gone. These books are empty and yours.")


def _banner(_: Person) -> chrome.Banner | None:
    if not settings.current().is_demo:
        return None
    can = g.person.can("import.run")
    sentence = "This is a demo shop. Remove it and start with your own goods." if can else "This is a demo shop."
    return chrome.Banner("info", sentence, "/demo" if can else "", "Remove it" if can else "")


chrome.banner(_banner)
search.action("Import products from a file", "/imports?kind=products", "csv excel xlsx bring upload")
search.action("Import suppliers from a file", "/imports?kind=suppliers", "csv excel xlsx bring upload vendors")
search.action("Import debts from a file", "/imports?kind=debts", "csv excel xlsx bring upload opening owed")
