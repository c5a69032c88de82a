"""Keeps the house as plan.py draws it.

`python3 test/house/test_house.py [DIRECTORY]`, by default this tree, prints TAP.
"""

import sys

sys.dont_write_bytecode = True

from pathlib import Path

from checks import CHECKS, Tap, faults_of
from source import Tree


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parents[2]
    tree = Tree(root)
    tap = Tap()
    for check in CHECKS:
        faults = faults_of(check, tree)
        tap.ok(not faults, check.__doc__, faults)
    tap.end()


main()
