"""Checks for what is left behind by accident: files at the top of the tree, and the marks of a merge."""

import fnmatch
import re

import plan
from source import Fault

MARK = re.compile(r"^(<{7}|>{7}) ", re.MULTILINE)


def ignored(tree):
    """What a build or a run leaves at the top, by .gitignore."""
    lines = (tree.read(".gitignore") or "").splitlines()
    return [line.strip("/") for line in lines if line and not line.startswith("#")]


def check_top(tree):
    """only what the plan names stands at the top of the tree"""
    left = ignored(tree)
    for path in tree.root.iterdir():
        name = path.name
        if name in plan.TOP or name.startswith(".") or any(fnmatch.fnmatch(name, pattern) for pattern in left):
            continue
        yield Fault(name, 0, "stands at the top, where the plan does not name it")


def check_marks(tree):
    """no file has a mark of a merge that was not finished"""
    for top in plan.TOP:
        start = tree.root / top
        for path in [start] if start.is_file() else start.rglob("*"):
            if not path.is_file():
                continue
            text = path.read_bytes().decode("utf-8", "replace")
            for match in MARK.finditer(text):
                line = text.count("\n", 0, match.start()) + 1
                yield Fault(path.relative_to(tree.root).as_posix(), line, "has the mark of a merge")


CHECKS = (check_top, check_marks)
