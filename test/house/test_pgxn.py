"""Every rule of PGXN's finds its fault: `python3 test/house/test_pgxn.py` prints TAP."""

import sys

sys.dont_write_bytecode = True

from checks import Tap
from pgxn import problems_of
from sound import META

MISSING = object()
PROVIDED = META["provides"]["fpgo"]

# (key, its value, the problem)
PLANTS = [
    ("name", MISSING, "/name: is missing"),
    ("version", MISSING, "/version: is missing"),
    ("abstract", MISSING, "/abstract: is missing"),
    ("maintainer", MISSING, "/maintainer: is missing"),
    ("license", MISSING, "/license: is missing"),
    ("provides", MISSING, "/provides: is missing"),
    ("meta-spec", MISSING, "/meta-spec: is missing"),
    ("name", "f", "/name: is no name of two or more characters without white space, / and \\"),
    ("name", "fp go", "/name: is no name of two or more characters without white space, / and \\"),
    ("version", "1.1", "/version: '1.1' is no semantic version"),
    ("version", "1.01.0", "/version: '1.01.0' is no semantic version"),
    ("version", 1.1, "/version: 1.1 is no semantic version"),
    ("abstract", "", "/abstract: is no text"),
    ("maintainer", [], "/maintainer: is empty"),
    ("maintainer", ["Somebody", 1], "/maintainer/1: is no text"),
    ("license", {"ours": "a file"}, "/license/ours: 'a file' is no URL"),
    ("provides", {}, "/provides: is no object, or an empty one"),
    ("provides", {"fpgo": {**PROVIDED, "file": None}}, "/provides/fpgo/file: is no text"),
    ("provides", {"fpgo": {**PROVIDED, "path": "src"}}, "/provides/fpgo/path: is no key of PGXN's; others begin with X_"),
    ("meta-spec", {"version": "2.0.0"}, "/meta-spec/version: is '2.0.0', which is none of: 1.0.0"),
    ("meta-spec", {"url": "https://pgxn.org/meta/spec.txt"}, "/meta-spec/version: is missing"),
    (
        "prereqs",
        {"runtime": {"requires": {"PostgreSQL": "15"}}},
        "/prereqs/runtime/requires/PostgreSQL: '15' is no semantic version",
    ),
    (
        "prereqs",
        {"runtime": {"requires": {"PostgreSQL": ">= 15.0.0, < 16"}}},
        "/prereqs/runtime/requires/PostgreSQL: '16' is no semantic version",
    ),
    (
        "prereqs",
        {"runtime": {"requires": {"PostgreSQL": "~> 15.0.0"}}},
        "/prereqs/runtime/requires/PostgreSQL: '~> 15.0.0' is no semantic version",
    ),
    (
        "prereqs",
        {"running": {"requires": {"PostgreSQL": "15.0.0"}}},
        "/prereqs/running: is 'running', which is none of: build, configure, develop, runtime, test",
    ),
    (
        "prereqs",
        {"runtime": {"needs": {"PostgreSQL": "15.0.0"}}},
        "/prereqs/runtime/needs: is 'needs', which is none of: conflicts, recommends, requires, suggests",
    ),
    ("resources", {"homepage": "fpgo"}, "/resources/homepage: 'fpgo' is no URL"),
    ("resources", {"bugtracker": {"mailto": "us"}}, "/resources/bugtracker/mailto: 'us' is no email address"),
    ("tags", ["a/b"], "/tags/0: is no tag of 1 to 255 characters without / and \\"),
    ("no_index", {"folder": "test"}, "/no_index/folder: is no key of PGXN's; others begin with X_"),
    ("author", "Somebody", "/author: is no key of PGXN's; others begin with X_"),
]

ALLOWED = [
    ("version", "1.1.0-rc.1"),
    ("maintainer", "Somebody"),
    ("license", ["postgresql", "mit"]),
    ("license", {"ours": "https://example.org/license"}),
    ("prereqs", {"build": {"recommends": {"PostgreSQL": "== 15.3.0"}}}),
    ("resources", {"repository": {"web": "https://example.org", "url": "git://example.org/fpgo.git", "type": "git"}}),
    ("x_more", {"a": 1}),
]


def main():
    tap = Tap()
    for key, value, problem in PLANTS:
        found = problems_of({name: one for name, one in {**META, key: value}.items() if one is not MISSING})
        tap.ok(found == [problem], f"planted: {problem}", found)
    for key, value in [("name", META["name"]), *ALLOWED]:
        found = problems_of({**META, key: value})
        tap.ok(found == [], f"allowed: {key} {value}", found)
    tap.ok(problems_of([]) == ["/: is no object"], "planted: a list", problems_of([]))
    tap.end()


main()
