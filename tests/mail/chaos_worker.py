"""A process that delivers for as long as it lives: the chaos test kills it. Arguments: data folder, owner."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tracker.config import ROOT, Config
from tracker.mail import deliver
from tracker.ops.startup import open_shop
from tracker.shop import outbox


def main(data: str, owner: str) -> None:
    config = Config(root=ROOT, data=Path(data))
    open_shop(config)
    outbox.recover(owner)
    print("ready", flush=True)
    while True:
        deliver.everything(owner, config, "")
        time.sleep(0.05)


if __name__ == "__main__":
    main(*sys.argv[1:3])
