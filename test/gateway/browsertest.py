"""The tests in a real browser: `python3 test/gateway/browsertest.py [--pictures]` prints TAP, as selftest.py does.

They need Debian's packages chromium, chromium-driver and python3-selenium; test/demo, which one of them runs, needs more.
With --pictures they make the pictures of README.md anew.
"""

import sys

sys.dont_write_bytecode = True

import importlib.util
import shutil
from pathlib import Path

import selftest

HERE = Path(__file__).resolve().parent


def missing():
    """The packages that are not there."""
    found = {
        "chromium": shutil.which("chromium"),
        "chromium-driver": shutil.which("chromedriver"),
        "python3-selenium": importlib.util.find_spec("selenium"),
        "python3-psycopg2": importlib.util.find_spec("psycopg2"),
    }
    return [package for package, place in found.items() if place is None]


if __name__ == "__main__":
    if packages := missing():
        sys.exit(f"browsertest.py: {sys.executable} finds no {' and no '.join(packages)}; "
                 f"run: sudo apt-get install {' '.join(packages)}; it must be Debian's own python3")
    selftest.main(HERE / "browser")
