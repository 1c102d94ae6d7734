"""Whatever file is brought, it is a table or a sentence, and looking at it books nothing. Budget: 10 s."""

from __future__ import annotations

import io
import random
import zipfile
from types import SimpleNamespace
from typing import Any

from tests.security.conftest import dump
from tests.security.walker import unsafe_headers
from tracker.shop import books, imports
from tracker.shop.sheets import to_xlsx

HERE = {"Origin": "http://localhost:8000"}
NASTY = (
    "\0", "\ud800".encode("utf-16-le", "surrogatepass").decode("latin-1"), '"', '"\n', "=1+1",
    "9" * 400, "-1", "1e9", "²",
    "2026-02-30", "x" * 3000, "\u202e", "<script>alert(1)</script>", "{{7*7}}", "NaN", "", " ", "𝟙", "1,5",
    "a@b\r\nBcc: x@y",
)  # fmt: skip


def packed(**parts: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in parts.items():
            book.writestr(name.replace("__", "/"), content)
    return out.getvalue()


def files(rng: random.Random) -> list[bytes]:
    found = [
        b"", b"\0", b"PK\x03\x04", b"PK\x03\x04" + rng.randbytes(500), b"\xff\xfe", b"\xff\xfe" + rng.randbytes(501),
        b"sep=;\n", b"\xef\xbb\xbf", b'"', b"name\n" + b'"' * 999, b"name," * 500, b"\n" * 5000, rng.randbytes(3000),
        b"name\n" + b"x," * 99_999, packed(), packed(**{"../../evil": b"x"}), packed(xl__workbook=b"<x/>"),
        packed(content=b"<!DOCTYPE x [<!ENTITY a 'b'>]>"),
    ]  # fmt: skip
    for kind in imports.KINDS:
        header = imports.header(kind)
        rows = [[rng.choice(NASTY) for _ in header] for _ in range(12)]
        found.append(
            ("\n".join([",".join(header), *(",".join(row) for row in rows)])).encode("utf-8", "surrogateescape")
        )
        clean = [[cell.replace("\0", "").encode("utf-8", "replace").decode() for cell in row] for row in rows]
        found.append(to_xlsx("x", header, clean))
        whole = to_xlsx("x", header, clean)
        for times in (1, 1, 1, 2, 5, 20):  # a few bytes of it are not what they were
            spoilt = bytearray(whole)
            for _ in range(times):
                spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
            found += [bytes(spoilt), whole[: rng.randrange(len(whole))]]
    return found


def test_any_file_is_a_table_or_a_sentence(shop: SimpleNamespace, amina: Any, seed: int) -> None:
    rng, token, wrong = random.Random(seed), amina.token, []
    before, looked = dump(leave_out=("session",)), 0
    for content in files(rng):
        kind = rng.choice(list(imports.KINDS))
        name = rng.choice(
            ("list.csv", "../../evil.xlsx", "a\r\nX-Evil: 1.csv", "x" * 500, "", "con.ods", "\u202ecsv.exe")
        )
        fields = {"kind": kind, "file": (io.BytesIO(content), name), "csrf_token": token}
        answer = amina.post("/imports", data=fields, headers=HERE)
        wrong += [f"{content[:40]!r}: {words}" for words in unsafe_headers(answer)]
        if answer.status_code not in (303, 422):
            wrong.append(f"{answer.status_code}: {content[:60]!r} {name[:20]!r}")
        if answer.status_code == 303:
            place = answer.headers["Location"].partition("?")[0]
            for query in (f"kind={one}" for one in (*imports.KINDS, "x")):
                seen = amina.get(f"{place}?{query}&column-name={rng.choice(('x', '', 'name'))}&update=1")
                looked += seen.status_code == 200
                if seen.status_code not in (200, 422) or "<script>alert" in seen.text:
                    wrong.append(f"{seen.status_code}: {query} {content[:60]!r}")
    assert not wrong, f"seed {seed}\n" + "\n".join(wrong)
    assert looked > 3 and dump(leave_out=("session",)) == before and books.verify() == []


def test_what_can_be_booked_of_a_nasty_file_leaves_the_books_whole(
    shop: SimpleNamespace, amina: Any, seed: int
) -> None:
    rng = random.Random(seed)
    token, booked = amina.token, 0
    for content in files(rng):
        for kind in rng.sample(list(imports.KINDS), 2):
            fields = {"kind": kind, "file": (io.BytesIO(content), "x"), "csrf_token": token}
            answer = amina.post("/imports", data=fields, headers=HERE)
            if answer.status_code == 303:
                place = answer.headers["Location"].partition("?")[0]
                done = amina.send(place, kind=kind, skip_bad="1", update=rng.choice(("", "1")))
                assert done.status_code in (303, 422), f"{done.status_code} {kind} {content[:80]!r}"
                booked += done.status_code == 303
    assert booked and books.verify() == []
    for path in (
        "/",
        "/products",
        "/suppliers",
        "/debts",
        "/stock/low",
        "/products?format=csv",
        "/products?format=xlsx",
    ):
        assert amina.get(path).status_code == 200, path
