"""An address as a QR code for phones: an image inside the page, so that no style and no script is needed."""

from __future__ import annotations

import segno


def image(address: str) -> str:
    """A `data:` address of an SVG, black on white in both themes (phones read nothing else reliably)."""
    return str(segno.make(address, error="m", micro=False).svg_data_uri(scale=5, border=3, dark="#000", light="#fff"))
