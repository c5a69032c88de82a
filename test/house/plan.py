"""The plan of the house, as data: who may include whom, which files are pure, how long things may be.

The table under the heading "Arrows" of src/README.md says the same as STEPS; a check compares the two.
"""

ENTRY = "fpgo.c"

# A room is a folder of src/.  A room may include the rooms of all later steps, and itself.
# Rooms of one step do not know each other.  ENTRY, the only C file at the top of src/, may include every room.
STEPS = (
    ("process",),
    ("followup", "handin", "setup"),
    ("delivery", "ipc"),
    ("records",),
    ("account",),
    ("validation",),
    ("order", "gateway", "origin", "tables"),
    ("text", "base"),
)

ROOMS = tuple(room for step in STEPS for room in step)

# Folders of src/ that are no rooms: they hold no C.
OTHER_FOLDERS = ("doc",)

# Files that need no PostgreSQL to be compiled and tested: every file of a room
# ("text/"), or the .c and the .h of one name ("gateway/outcome").
PURE = (
    "gateway/http_peer",
    "delivery/pace",
    "gateway/outcome",
    "order/fields",
    "origin/rule",
    "text/",
    "validation/plausible",
    "validation/plausible_phone",
)

# A foreign library's headers, by how their names begin, and how the names of the files begin that may include them.
DOORS = {
    "libcurl": (("curl/",), "gateway/http"),
    "json-c": (("json.h", "json-c/"), "gateway/reply"),
}

# The one header that may ask for PostgreSQL's version.
COMPAT = "base/compat.h"

# What stands at the top, beside files whose names begin with a dot.
TOP = (
    "CHANGELOG.md",
    "LICENSE",
    "META.json",
    "Makefile",
    "README.md",
    "expected",
    "findings",
    "fpgo.control",
    "sql",
    "src",
    "test",
)

FILE_LINES = 700
FUNCTION_LINES = 100
README_LINES = 500
README_COLUMNS = 100
DOC_LINES = 300
SENTENCE_WORDS = 30


def step_of(room):
    """The number of a room's step, 0 for the highest; None for what is no room."""
    for number, step in enumerate(STEPS):
        if room in step:
            return number
    return None


def matches(pure, path):
    """Is a file of src/ among those that an entry of PURE names?"""
    return path.startswith(pure) if pure.endswith("/") else path.rsplit(".", 1)[0] == pure


def is_pure(path):
    return any(matches(pure, path) for pure in PURE)
