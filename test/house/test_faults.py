"""Every check finds its fault: plants one fault at a time in a sound tree and compares all that the checks say.

`python3 test/house/test_faults.py` prints TAP.
"""

import sys

sys.dont_write_bytecode = True

import json
import tempfile
from pathlib import Path

import plan
from checks import CHECKS, Tap, faults_of
from sound import FUNCTIONS, HALF, LONGEST, META, SOUND, VERSION, header, source, words
from source import Tree


def changed(path, old, new):
    """A file of the sound tree with a text in it replaced."""
    assert old in SOUND[path], f"{old} is not in {path}"
    return {path: SOUND[path].replace(old, new, 1)}


def meta(**keys):
    return {"META.json": json.dumps({**META, **keys})}


def provided(**keys):
    return meta(provides={"fpgo": {**META["provides"]["fpgo"], **keys}})


def too_long(place, n_words, start=words(6)):
    return f"{place}: sentence of {n_words} words, more than {plan.SENTENCE_WORDS}: {start}"


POSTGRES = ('#include "postgres.h"', "")
ARROWS = SOUND["src/README.md"]
ROW_OF_ORDER = ARROWS[: ARROWS.index("| `order/`")].count("\n") + 1
ROW_OF_JUDGE = ARROWS[: ARROWS.index("`judge`")].count("\n") + 1
SCRIPT = f"src/fpgo--{VERSION}.sql"
UPDATE = f"src/fpgo--1.0--{VERSION}.sql"

# (the files that bring the fault in, with None for one that is removed; the message)
PLANTS = [
    # what is left behind
    ({"notes.md": "Notes.\n"}, "notes.md: stands at the top, where the plan does not name it"),
    ({"sql/extra.sql": "SELECT 1;\n" + "<" * 7 + " HEAD\n"}, "sql/extra.sql:2: has the mark of a merge"),
    ({"expected/extra.out": ">" * 7 + " main\n"}, "expected/extra.out:1: has the mark of a merge"),
    # src/ and its rooms
    ({"src/extra.h": header("extra.h")}, "src/extra.h: only fpgo.c stands at the top of src/"),
    ({"src/extra.c": ""}, "src/extra.c: only fpgo.c stands at the top of src/"),
    ({"src/misc/extra.c": ""}, "src/misc/extra.c: misc is no room of the plan"),
    ({"src/order/deep/extra.c": ""}, "src/order/deep/extra.c: a room has no folders"),
    # how an include is written
    (
        {"src/order/extra.c": source(*POSTGRES, '#include "order.h"')},
        'src/order/extra.c:3: order.h is not included as "folder/file.h"',
    ),
    (
        {"src/order/extra.c": source(*POSTGRES, '#include "../order/order.h"')},
        'src/order/extra.c:3: ../order/order.h is not included as "folder/file.h"',
    ),
    (
        {"src/order/extra.c": source(*POSTGRES, "#include <order/order.h>")},
        'src/order/extra.c:3: order/order.h is not included as "folder/file.h"',
    ),
    (
        {"src/order/extra.c": source(*POSTGRES, '  #  include "order/order.c"')},
        'src/order/extra.c:3: order/order.c is not included as "folder/file.h"',
    ),
    (
        {"src/order/extra.c": source(*POSTGRES, '#include "order/none.h"')},
        "src/order/extra.c:3: src/order/none.h does not exist",
    ),
    # the order of includes
    (
        {"src/order/extra.c": source(*POSTGRES, '#include "order/order.h"', '#include "utils/acl.h"')},
        "src/order/extra.c:4: utils/acl.h stands after own headers",
    ),
    (
        {"src/order/extra.c": source(*POSTGRES, '#include "utils/acl.h"', "#include <errno.h>")},
        "src/order/extra.c:4: errno.h stands after PostgreSQL's headers",
    ),
    (
        {"src/order/extra.c": source("#include <errno.h>", *POSTGRES)},
        "src/order/extra.c:2: postgres.h stands after the system's headers",
    ),
    (
        {"src/text/extra.c": source('#include "text/text.h"', "#include <string.h>")},
        "src/text/extra.c:2: string.h stands after own headers",
    ),
    # arrows
    (
        {"src/order/extra.c": source(*POSTGRES, '#include "account/account.h"')},
        "src/order/extra.c:3: order includes account/account.h, but account stands above it",
    ),
    (
        {"src/handin/extra.h": header("extra.h", '#include "setup/setup.h"')},
        "src/handin/extra.h:4: handin includes setup/setup.h, but setup stands beside it",
    ),
    (
        {"src/text/extra.c": source('#include "base/compat.h"')},
        "src/text/extra.c:1: text includes base/compat.h, but base stands beside it",
    ),
    # circles
    (
        {
            "src/order/one.h": header("one.h", '#include "order/two.h"'),
            "src/order/two.h": header("two.h", '#include "order/one.h"'),
        },
        "src/order/one.h:4: circle of 2 files: order/one -> order/two -> order/one",
    ),
    (
        {
            "src/order/one.h": header("one.h"),
            "src/order/two.h": header("two.h", '#include "order/one.h"'),
            "src/order/one.c": source(*POSTGRES, '#include "order/three.h"'),
            "src/order/three.h": header("three.h"),
            "src/order/three.c": source(*POSTGRES, '#include "order/two.h"'),
        },
        "src/order/one.c:3: circle of 3 files: order/one -> order/three -> order/two -> order/one",
    ),
    # doors
    (
        {"src/gateway/extra.c": source("#include <curl/curl.h>")},
        "src/gateway/extra.c:1: curl/curl.h brings libcurl in, outside of gateway/http*",
    ),
    (
        {"src/process/extra.c": source(*POSTGRES, '#include "gateway/http_easy.h"')},
        "src/process/extra.c:3: gateway/http_easy.h brings libcurl in, outside of gateway/http*",
    ),
    (
        {"src/ipc/extra.h": header("extra.h", "#include <json-c/json.h>")},
        "src/ipc/extra.h:4: json-c/json.h brings json-c in, outside of gateway/reply*",
    ),
    (
        {"src/gateway/http_extra.c": source("#include <json.h>")},
        "src/gateway/http_extra.c:1: json.h brings json-c in, outside of gateway/reply*",
    ),
    # pure files
    (
        {"src/text/extra.c": source('#include "postgres.h"')},
        "src/text/extra.c:1: postgres.h brings PostgreSQL into a pure file",
    ),
    (
        {"src/text/extra.c": source("#include <c.h>")},
        "src/text/extra.c:1: c.h brings PostgreSQL into a pure file",
    ),
    (
        {
            "src/text/extra.h": header("extra.h", '#include "lib/stringinfo.h"'),
            "src/text/extra.c": source('#include "text/extra.h"'),
        },
        "src/text/extra.h:4: lib/stringinfo.h brings PostgreSQL into a pure file",
    ),
    (
        {
            "src/order/extra.h": header("extra.h", '#include "postgres.h"'),
            "src/order/fields.c": source('#include "order/extra.h"'),
        },
        "src/order/fields.c:1: order/extra.h brings PostgreSQL into a pure file",
    ),
    (
        {"src/order/fields.h": None, "src/order/fields.c": None},
        "src/order/fields: is pure by test/house/plan.py, but does not exist",
    ),
    # types
    (
        {
            "src/base/one.h": header("one.h", "struct FpgoThing", "{", "\tint n;", "};"),
            "src/order/two.h": header("two.h", "typedef enum FpgoThing { FPGO_A } FpgoThing;"),
        },
        "src/order/two.h:4: type FpgoThing is also defined at src/base/one.h:4",
    ),
    (
        {
            "src/base/one.h": header("one.h", "typedef struct", "{", "\tint n;", "} FpgoThing;"),
            "src/order/two.h": header("two.h", "typedef int (*FpgoThing)(int n);"),
        },
        "src/order/two.h:4: type FpgoThing is also defined at src/base/one.h:7",
    ),
    (
        {
            "src/base/one.h": header("one.h", "typedef union FpgoThing { int n; } FpgoThing;"),
            "src/order/two.h": header("two.h", "typedef struct FpgoOther FpgoThing;"),
        },
        "src/order/two.h:4: type FpgoThing is also defined at src/base/one.h:4",
    ),
    # functions
    (
        {"src/order/extra.h": header("extra.h", "extern int", "fpgo_base(void);")},
        "src/order/extra.h:5: function fpgo_base is also declared at src/base/base.h:4",
    ),
    (
        {"src/order/extra.h": header("extra.h", "static inline int fpgo_base(void)", "{", "\treturn 1;", "}")},
        "src/order/extra.h:4: function fpgo_base is also declared at src/base/base.h:4",
    ),
    (
        {"src/handin/extra.c": source(*POSTGRES, "extern int fpgo_setup(void);")},
        "src/handin/extra.c:3: fpgo_setup of src/setup/setup.c is declared here and not in a header",
    ),
    (
        {"src/handin/extra.c": source(*POSTGRES, "Datum", "fpgo_setup(PG_FUNCTION_ARGS) pg_attribute_noreturn();")},
        "src/handin/extra.c:4: fpgo_setup of src/setup/setup.c is declared here and not in a header",
    ),
    (
        {"src/handin/extra.c": source(*POSTGRES, "extern const char *const fpgo_sides[];")},
        "src/handin/extra.c:3: fpgo_sides of src/tables/harmless.c is declared here and not in a header",
    ),
    # guards
    ({"src/order/extra.h": source("int n;")}, "src/order/extra.h: has no include guard FPGO_EXTRA_H around all of it"),
    ({"src/order/extra.h": header("other.h")}, "src/order/extra.h: has no include guard FPGO_EXTRA_H around all of it"),
    (
        {"src/order/extra.h": header("extra.h") + "int n;\n"},
        "src/order/extra.h: has no include guard FPGO_EXTRA_H around all of it",
    ),
    ({"src/order/base.h": header("base.h")}, "src/order/base.h: has the include guard of src/base/base.h"),
    # PostgreSQL's version
    (
        {"src/order/extra.c": source(*POSTGRES, "#if PG_VERSION_NUM >= 160000", "#endif")},
        "src/order/extra.c:3: PG_VERSION_NUM outside of src/base/compat.h",
    ),
    # lengths
    (
        {"src/order/extra.c": "\n" * (plan.FILE_LINES + 1)},
        f"src/order/extra.c: has {plan.FILE_LINES + 1} lines, more than {plan.FILE_LINES}",
    ),
    (
        {"src/order/extra.c": source("static void", "work(int n)", "{", *["\t;"] * (plan.FUNCTION_LINES + 1), "}")},
        f"src/order/extra.c:2: work has {plan.FUNCTION_LINES + 1} lines, more than {plan.FUNCTION_LINES}",
    ),
    # pages
    ({"src/ipc/README.md": None}, "src/ipc/README.md: does not exist"),
    ({"src/ipc/other.c": source(*POSTGRES)}, "src/ipc/README.md: does not name other"),
    (changed("src/ipc/README.md", "`ipc`", "ipc"), "src/ipc/README.md: does not name ipc"),
    (
        {"README.md": SOUND["README.md"] + "\n"},
        f"README.md: has {plan.README_LINES + 1} lines, more than {plan.README_LINES}",
    ),
    (
        changed("README.md", "\nxx", "\nxxx"),
        f"README.md:2: has {plan.README_COLUMNS + 1} columns, more than {plan.README_COLUMNS}",
    ),
    (
        {"src/doc/use.md": SOUND["src/doc/use.md"] + "\n"},
        f"src/doc/use.md: has {plan.DOC_LINES + 1} lines, more than {plan.DOC_LINES}",
    ),
    # links
    ({"src/doc/extra.md": "a [link](none.md)\n"}, "src/doc/extra.md:1: link to none.md: src/doc/none.md does not exist"),
    (
        {"test/extra.md": "![a picture\nof it](../none.png)\n"},
        "test/extra.md:2: link to ../none.png: none.png does not exist",
    ),
    ({"findings/extra.md": "# Extra\n[a]: #none\n"}, 'findings/extra.md:2: link to #none: findings/extra.md has no heading "none"'),
    (
        {"src/doc/extra.md": "[a](use.md#none)\n"},
        'src/doc/extra.md:1: link to use.md#none: src/doc/use.md has no heading "none"',
    ),
    (
        {"findings/extra.md": "[a](../src/fpgo.c#L1)\n"},
        'findings/extra.md:1: link to ../src/fpgo.c#L1: src/fpgo.c has no heading "L1"',
    ),
    ({"findings/extra.md": "[a](../../elsewhere.md)\n"}, "findings/extra.md:1: link to ../../elsewhere.md: leads out of the tree"),
    ({"findings/extra.md": "[a](/etc/fpgo)\n"}, "findings/extra.md:1: link to /etc/fpgo: leads out of the tree"),
    # the table of arrows
    (
        {
            "src/README.md": "# The house\n\n## Arrows\n\nnone yet\n\n## More\n\n| a | b |\n|---|---|\n| c | d |\n"
            + "\n".join(FUNCTIONS)
        }
        | changed("README.md", "#arrows", ""),
        'src/README.md: has no table under a heading "Arrows"',
    ),
    (
        changed("src/README.md", "| `order/` | text, base |\n", ""),
        "src/README.md: the table of arrows has no row for order",
    ),
    (
        changed("src/README.md", "| `order/` | text, base |", "| `order/` | text |"),
        f"src/README.md:{ROW_OF_ORDER}: the step below order is: base, text",
    ),
    (
        changed("src/README.md", "| `order/` |", "| misc |\n| `order/` |"),
        f"src/README.md:{ROW_OF_ORDER}: misc is no room, or has a row already",
    ),
    # the table of SQL functions
    (
        changed("src/README.md", "## SQL functions", "## Functions"),
        'src/README.md: has no table under a heading "SQL functions"',
    ),
    (
        changed("src/README.md", "`order`, ", ""),
        f"{SCRIPT}:1: the table of SQL functions in src/README.md has no row for fpgo.order",
    ),
    (
        changed("src/README.md", "`order`, ", "`order`, `none`, "),
        f"src/README.md:{ROW_OF_JUDGE}: fpgo.none is no function of {SCRIPT}, or has a row already",
    ),
    (
        changed("src/README.md", "`constant`", "`constant`, `judge`"),
        f"src/README.md:{ROW_OF_JUDGE + 1}: fpgo.judge is no function of {SCRIPT}, or has a row already",
    ),
    (
        changed("src/README.md", "`order`, `judge`", "`order` | `base/base.c` |\n| `judge`"),
        f"src/README.md:{ROW_OF_JUDGE}: fpgo.order is made by tables/harmless.c",
    ),
    (
        changed("src/README.md", "| the script", "| `tables/harmless.c`"),
        f"src/README.md:{ROW_OF_JUDGE + 1}: fpgo.constant is made by the script",
    ),
    (
        changed(SCRIPT, "fpgo_judge_text", "fpgo_judge_none"),
        f"src/README.md:{ROW_OF_JUDGE}: fpgo.judge is made by no file, tables/harmless.c",
    ),
    # the page of messages
    (
        changed("src/doc/messages.md", "| … orders are late |  |\n", ""),
        "src/doc/messages.md: lacks: | … orders are late |  |",
    ),
    (
        changed("src/doc/messages.md", "| … orders are late |  |\n", "| … orders are late |  |\n| more |  |\n"),
        "src/doc/messages.md:25: no source says: | more |  |",
    ),
    (
        changed("src/doc/messages.md", "| … orders are late |  |\n", "| … orders are late |  |\n| … orders are late |  |\n"),
        "src/doc/messages.md: has its rows in another order than test/house/messages.py writes them, or some twice",
    ),
    (
        changed("src/tables/messages.c", "UNDEFINED_OBJECT", "UNHEARD_OF"),
        "test/house/messages.py: CODES or VARIABLE lacks UNHEARD_OF",
    ),
    (
        changed("src/tables/messages.c", 'errmsg("order \\"%s\\", (a) | "\n\t\t"b", ', "errmsg(message, "),
        "test/house/messages.py: CODES or VARIABLE lacks src/tables/messages.c: (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg(message, message)",
    ),
    # versions
    (changed("fpgo.control", "default_version", "version"), "fpgo.control: has no default_version"),
    (changed("src/base/compat.h", '"1.1"', '"1.0"'), "src/base/compat.h:4: FPGO_VERSION is 1.0, not 1.1"),
    (changed("src/base/compat.h", "FPGO_VERSION", "FPGO_NUMBER"), "src: FPGO_VERSION is defined 0 times, not once"),
    (
        {"src/order/extra.c": '#define FPGO_VERSION "1.1"\n'},
        "src: FPGO_VERSION is defined 2 times, not once",
    ),
    ({"src/fpgo--1.1.sql": None}, "src/fpgo--1.1.sql: does not exist"),
    ({"src/fpgo--1.0.sql": ""}, "src/fpgo--1.0.sql: is the script of another version than 1.1"),
    ({"src/fpgo--1.x.sql": ""}, "src/fpgo--1.x.sql: is no name of a script"),
    (
        {"src/fpgo--1.0--1.1.sql": None},
        "src/fpgo--1.0--1.1.sql: does not exist, nor do others that lead there",
    ),
    ({"src/fpgo--1.1--1.2.sql": ""}, "src/fpgo--1.1--1.2.sql: does not lead to 1.1"),
    (
        changed("CHANGELOG.md", "## 1.1.0 (unreleased)\n\n", ""),
        "CHANGELOG.md:3: the first heading is of 1.0.0, not 1.1.0",
    ),
    ({"CHANGELOG.md": None}, 'CHANGELOG.md: has no heading "## 1.1.0"'),
    ({"META.json": None}, "META.json: does not exist"),
    ({"META.json": ""}, "META.json: is no JSON: Expecting value: line 1 column 1 (char 0)"),
    (meta(release_status="new"), "META.json: /release_status: is 'new', which is none of: stable, testing, unstable"),
    (meta(version="1.0.0"), "META.json: /version is 1.0.0, not 1.1.0"),
    (provided(version="1.1.1"), "META.json: /provides/fpgo/version is 1.1.1, not 1.1.0"),
    (provided(file="src/fpgo.sql"), "META.json: /provides/fpgo/file is src/fpgo.sql, not src/fpgo--1.1.sql"),
    (provided(docfile="doc.md"), "META.json: /provides/fpgo/docfile: doc.md does not exist"),
    # sentences; a code span is one word
    ({"test/extra.md": f"# A\n\nShort.\n{LONGEST}\n{HALF}\n"}, too_long("test/extra.md:4", 45)),
    ({"test/extra.md": f"- A\n- {LONGEST} `code\ncode`\n"}, too_long("test/extra.md:2", 31)),
    ({"test/extra.md": f"- A\n\n    {LONGEST}, {LONGEST}\n"}, too_long("test/extra.md:3", 60)),
    (
        {"src/order/extra.c": source("/*", " * extra.c", f" *\t\t{HALF}.", f" *\t\t{HALF}", f" *\t\t{LONGEST}", " */")},
        too_long("src/order/extra.c:4", 45),
    ),
    ({"src/order/extra.c": source(*POSTGRES, f"/* 1. {LONGEST} word */")}, too_long("src/order/extra.c:3", 31)),
    (
        changed(SCRIPT, "it is not", f"it is not, {LONGEST}"),
        too_long(f"{SCRIPT}:14", 36, "CREATE FUNCTION fpgo.none() it is not,"),
    ),
    (changed(SCRIPT, ". word", " word"), too_long(f"{SCRIPT}:18", 60)),
    ({UPDATE: f"SELECT 1; -- {HALF}\n\t-- {LONGEST}\n"}, too_long(f"{UPDATE}:1", 45)),
]


def write(root, files):
    for path, text in files.items():
        file = root / path
        if text is None:
            file.unlink()
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")


def faults(root):
    """check -> its messages, of those that found something"""
    tree = Tree(root)
    found = {check: [str(fault) for fault in faults_of(check, tree)] for check in CHECKS}
    return {check: messages for check, messages in found.items() if messages}


def compare(tap, title, found, wanted):
    messages = [message for of_check in found.values() for message in of_check]
    differences = [f"found:  {message}" for message in messages] + [f"wanted: {message}" for message in wanted]
    tap.ok(messages == wanted, title, differences)


def main():
    tap = Tap()
    idle = set(CHECKS)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write(root, SOUND)
        compare(tap, "the sound tree has no fault", faults(root), [])
        for files, message in PLANTS:
            write(root, files)
            found = faults(root)
            compare(tap, f"planted: {message}", found, [message])
            idle -= set(found)
            write(root, {path: SOUND.get(path) for path in files})
        compare(tap, "the sound tree has no fault in the end", faults(root), [])
    tap.ok(not idle, "every check has found a fault", [check.__name__ for check in idle])
    tap.end()


main()
