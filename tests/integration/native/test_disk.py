"""What a native bottle holds of the disk is measured from outside, wherever it hides it."""

import pytest

from support.native_operator import NativeOperator
from support.native_program import DISK

HALF = DISK // 2 // 1024  # KiB
FULL = DISK // 1024
HOLDING = f"""
import os, sys
files = []
for number in range(3):
    files.append(open(f'f{{number}}', 'wb'))
    os.unlink(f'f{{number}}')
    files[-1].write(bytes({HALF} << 10))
    files[-1].flush()
__import__('time').sleep(100)
"""
WAYS = {
    "files in both folders": f"head -c {FULL - 9}K /dev/zero > ~/a; head -c {HALF}K /dev/zero > /workspace/b",
    "home and /tmp": f"head -c {HALF + 100}K /dev/zero > ~/a; head -c {HALF}K /dev/zero > /tmp/b",
    "a folder without permissions": (
        f"mkdir d d/e; head -c {HALF + 100}K /dev/zero > d/e/a; head -c {HALF}K /dev/zero > d/e/b; "
        "chmod 0 d/e/a d/e d"
    ),
    "files without a name": f'exec python3 -c "{HOLDING}"',
    "files of a process that cannot be traced": (
        'exec python3 -c "import ctypes; ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)\n' + HOLDING + '"'
    ),
    "inodes alone": (
        'exec python3 -c "import os, time\nfor n in range(17000): os.mknod(str(n))\ntime.sleep(100)"'
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_too_much_is_found_and_ends_it(operator: NativeOperator, bottle: str, way: str) -> None:
    operator.ask("background", identity=bottle, script=WAYS[way] + "; sleep 100")

    assert operator.ask("overuse")["used"] > DISK
    assert operator.ask("halt", identity=bottle) == {"running": False}


def test_what_is_deleted_counts_no_more(operator: NativeOperator, bottle: str) -> None:
    script = f"for n in 1 2 3 4 5 6; do head -c {HALF}K /dev/zero > f; sleep 0.5; rm f; done; echo done"

    assert operator.sh(bottle, script) == (0, "done\n")
    operator.sh(bottle, f"head -c {FULL}K /dev/zero > a; head -c {FULL}K /dev/zero > b")
    assert operator.ask("overuse")["used"] > DISK


def test_a_measuring_that_ends_by_itself_is_told(operator: NativeOperator, bottle: str) -> None:
    """Folders nested too deep are one way to end it; a killed process is another."""
    deep = "python3 -c \"import os\nfor n in range(500): os.mkdir('d'); os.chdir('d')\""
    operator.sh(bottle, deep)

    assert operator.ask("overuse") == {"used": None}
