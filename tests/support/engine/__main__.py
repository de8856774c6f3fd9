"""`python -m support.engine start|stop|env`: one engine that several test runs share."""

import argparse
import sys

from support.engine.daemon import Daemon
from support.engine.open import SHARED, start_private


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m support.engine", description=__doc__)
    parser.add_argument("action", choices=("start", "stop", "env"))
    action = parser.parse_args().action
    if action == "start" and not SHARED.is_file():
        start_private().save(SHARED)
    if not SHARED.is_file():
        print("no shared engine runs", file=sys.stderr)
        return 1
    daemon = Daemon.load(SHARED)
    if action == "stop":
        daemon.stop()
        SHARED.unlink()
        return 0
    print(f"export DOCKER_HOST={daemon.docker_host}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
