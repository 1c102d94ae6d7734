"""A supervisor in a process of its own: `supervise.py DATA PORT SUPERVISOR_PORT NAME=MODE ...`."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from tests.ops import supervision  # noqa: E402
from tracker.config import Config  # noqa: E402
from tracker.errors import Busy  # noqa: E402
from tracker.ops.supervisor import Supervisor  # noqa: E402


def main() -> int:
    data, port, supervisor_port, *children = sys.argv[1:]
    config = Config(root=ROOT, data=Path(data), port=int(port), supervisor_port=int(supervisor_port))
    programs = [supervision.program(config, *child.split("=")) for child in children]
    try:
        return Supervisor(config, programs, ready=lambda: print("ready", flush=True)).run()
    except Busy as error:
        print(error.message, file=sys.stderr)
        return 75


if __name__ == "__main__":
    sys.exit(main())
