"""`python -m support.engine start|stop|env`: one engine that several test processes share."""

import argparse
import sys

from support.engine.daemon import Daemon
from support.engine.open import SHARED, answers, private_engine, start_private
from support.leaks import EngineState


def start() -> int:
    """Nothing where an engine answers already."""
    if SHARED.is_file() and not private_answers():
        Daemon.load(SHARED).stop()
        SHARED.unlink()
    if not SHARED.is_file() and not answers():
        start_private().save(SHARED)
    return 0


def stop() -> int:
    """1 where something of the product is left on the engine that `start` made."""
    if not SHARED.is_file():
        return 0
    daemon = Daemon.load(SHARED)
    left = EngineState.now(private_engine(daemon)).left_since(EngineState()) if private_answers() else []
    daemon.stop()
    SHARED.unlink()
    for resource in left:
        print(f"left behind on the engine: {resource}", file=sys.stderr)
    return 1 if left else 0


def env() -> int:
    if not SHARED.is_file():
        print("no shared engine runs", file=sys.stderr)
        return 1
    print(f"export DOCKER_HOST={Daemon.load(SHARED).docker_host}")
    return 0


def private_answers() -> bool:
    return answers(Daemon.load(SHARED).docker_host)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m support.engine", description=__doc__)
    actions = {"start": start, "stop": stop, "env": env}
    parser.add_argument("action", choices=actions)
    return actions[parser.parse_args().action]()


if __name__ == "__main__":
    sys.exit(main())
