"""Checks of the version: default_version in fpgo.control is the one place, and all else follows it.

What a database says of itself, fpgo.version(), is compared by a test in SQL.
"""

import functools
import json
import re

import pgxn
from source import Fault

CONTROL = "fpgo.control"
META = "META.json"
CHANGES = "CHANGELOG.md"
FIRST = "1.0"  # the first version, from which every later one can be reached

DEFAULT = re.compile(r"^default_version\s*=\s*'([^']+)'", re.MULTILINE)
DEFINE = re.compile(r'^#define\s+FPGO_VERSION\s+"([^"]*)"', re.MULTILINE)
SCRIPT = re.compile(r"fpgo--([0-9.]+)(?:--([0-9.]+))?\.sql")


def default_version(tree):
    match = DEFAULT.search(tree.read(CONTROL) or "")
    return match.group(1) if match else None


def with_version(check):
    """Only check_control speaks of a version that is missing."""

    @functools.wraps(check)
    def checked(tree):
        version = default_version(tree)
        if version is not None:
            yield from check(tree, version)

    return checked


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def check_control(tree):
    """fpgo.control names the version"""
    if default_version(tree) is None:
        yield Fault(CONTROL, 0, "has no default_version")


@with_version
def check_library(tree, version):
    """FPGO_VERSION is the version, and is defined once"""
    found = []
    for source in tree.sources:
        text = tree.read(source.shown)
        for match in DEFINE.finditer(text):
            found.append(source.shown)
            if match.group(1) != version:
                yield source.fault(line_of(text, match.start()), f"FPGO_VERSION is {match.group(1)}, not {version}")
    if len(found) != 1:
        yield Fault("src", 0, f"FPGO_VERSION is defined {len(found)} times, not once")


@with_version
def check_scripts(tree, version):
    """src/ has the version's script, and scripts that lead to it from 1.0"""
    full, steps = set(), set()
    for path in tree.src.glob("fpgo--*.sql"):
        match = SCRIPT.fullmatch(path.name)
        if not match:
            yield Fault(f"src/{path.name}", 0, "is no name of a script")
        elif match.group(2):
            steps.add(match.groups())
        else:
            full.add(match.group(1))
    if version not in full:
        yield Fault(f"src/fpgo--{version}.sql", 0, "does not exist")
    for other in sorted(full - {version}):
        yield Fault(f"src/fpgo--{other}.sql", 0, f"is the script of another version than {version}")
    for old, new in sorted(steps):
        if not leads(steps, new, version):
            yield Fault(f"src/fpgo--{old}--{new}.sql", 0, f"does not lead to {version}")
    if not leads(steps, FIRST, version):
        yield Fault(f"src/fpgo--{FIRST}--{version}.sql", 0, "does not exist, nor do others that lead there")


def leads(steps, start, end):
    known = {start}
    while True:
        more = {new for old, new in steps if old in known} - known
        if not more:
            return end in known
        known |= more


@with_version
def check_changes(tree, version):
    """the first heading of CHANGELOG.md is of the version"""
    text = tree.read(CHANGES) or ""
    match = re.search(r"^## (\S+)", text, re.MULTILINE)
    wanted = f"{version}.0"
    if not match:
        yield Fault(CHANGES, 0, f'has no heading "## {wanted}"')
    elif match.group(1) != wanted:
        yield Fault(CHANGES, line_of(text, match.start()), f"the first heading is of {match.group(1)}, not {wanted}")


def read_meta(tree):
    """What META.json holds, or a text that says what is wrong with it."""
    text = tree.read(META)
    if text is None:
        return "does not exist"
    try:
        return json.loads(text)
    except ValueError as error:
        return f"is no JSON: {error}"


def check_meta(tree):
    """META.json is as PGXN wants it"""
    meta = read_meta(tree)
    problems = [meta] if isinstance(meta, str) else pgxn.problems_of(meta)
    for problem in problems:
        yield Fault(META, 0, problem)


@with_version
def check_meta_version(tree, version):
    """META.json is of the version, and names files that exist"""
    meta = read_meta(tree)
    if isinstance(meta, str) or pgxn.problems_of(meta):
        return  # (check_meta speaks of that)
    provided = meta["provides"].get("fpgo", {})
    for path, value, wanted in (
        ("/version", meta["version"], f"{version}.0"),
        ("/provides/fpgo/version", provided.get("version"), f"{version}.0"),
        ("/provides/fpgo/file", provided.get("file"), f"src/fpgo--{version}.sql"),
    ):
        if value != wanted:
            yield Fault(META, 0, f"{path} is {value}, not {wanted}")
    docfile = provided.get("docfile")
    if docfile and tree.read(docfile) is None:
        yield Fault(META, 0, f"/provides/fpgo/docfile: {docfile} does not exist")


CHECKS = (
    check_control,
    check_library,
    check_scripts,
    check_changes,
    check_meta,
    check_meta_version,
)
