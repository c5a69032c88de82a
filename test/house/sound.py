"""A small made-up tree that follows the plan, with all that the checks must let pass.

SOUND is path -> text.  A test writes it to a folder, and plants faults in it.
"""

import json

import plan

VERSION = "1.1"


def header(path, *lines):
    """A header with its guard; the first of the lines is line 4 of the file."""
    guard = "FPGO_" + path.rsplit("/")[-1].split(".")[0].upper() + "_H"
    return "\n".join([f"#ifndef {guard}", f"#define {guard}", "", *lines, "", f"#endif /* {guard} */", ""])


def source(*lines):
    return "\n".join([*lines, ""])


def room_files(room):
    """One module that includes all that it may."""
    name = f"{room}/{room}"
    step = plan.step_of(room)
    below = [f'#include "{other}/{other}.h"' for lower in plan.STEPS[step + 1 :] for other in lower]
    of_postgres = [] if plan.is_pure(f"{name}.c") else ['#include "postgres.h"', "", "#include <errno.h>", ""]
    return {
        f"src/{name}.h": header(f"{name}.h", f"extern int fpgo_{room}(void);"),
        f"src/{name}.c": source(
            *of_postgres,
            *(['#include "utils/elog.h"', ""] if of_postgres else []),
            f'#include "{name}.h"',
            *below,
            f"int fpgo_{room}(void)",
            "{",
            "\treturn 0;",
            "}",
        ),
    }


def room_pages(files):
    """The rooms' pages, which name all files that there are, and those that faults are planted in."""
    found = {}
    for room in plan.ROOMS:
        modules = {path.split("/")[-1].split(".")[0] for path in files if path.startswith(f"src/{room}/")}
        names = sorted(modules | {"base", "extra", "http_extra", "one", "two", "three"})
        found[f"src/{room}/README.md"] = "\n".join([f"# {room}", *[f"- `{name}`" for name in names], ""])
    return found


def pure_files():
    found = {}
    for name in plan.PURE:
        if not name.endswith("/"):
            found[f"src/{name}.h"] = header(f"{name}.h", "#include <stdbool.h>", "", '#include "text/text.h"')
            found[f"src/{name}.c"] = source("#include <string.h>", "", f'#include "{name}.h"')
    return found


# What looks like a fault and is none.
HARMLESS = {
    "src/gateway/http_easy.h": header("http_easy.h", "#include <curl/curl.h>"),
    "src/gateway/http.c": source(
        '#include "postgres.h"', "", "#include <curl/curl.h>", "", '#include "gateway/http_easy.h"'
    ),
    "src/gateway/reply.c": source('#include "postgres.h"', "", "#include <json-c/json.h>"),
    "src/base/compat.h": header(
        "compat.h",
        '#define FPGO_VERSION "%s"' % VERSION,
        "#if PG_VERSION_NUM < 160000",
        "static inline bool fpgo_old(Oid role)",
        "{",
        "\treturn role == InvalidOid;",
        "}",
        "#else",
        "extern bool fpgo_old(Oid role) pg_attribute_nonnull(1);",
        "#endif",
    ),
    "src/tables/harmless.h": header(
        "harmless.h",
        "typedef struct FpgoOpaque FpgoOpaque;",
        "typedef enum FpgoSide { FPGO_SIDE_LEFT, FPGO_SIDE_RIGHT } FpgoSide;",
        "typedef void (*FpgoVisitor)(FpgoOpaque *opaque, FpgoSide side);",
        "extern const char *const fpgo_sides[];",
    ),
    "src/tables/harmless.c": source(
        '#include "postgres.h"',
        "",
        '#include "tables/harmless.h"',
        "",
        '/* #include "process/process.h", PG_VERSION_NUM */',
        '// #include "process/process.h"',
        "struct FpgoOpaque { int n; };",
        "extern char **environ;",
        "const char *const fpgo_sides[] = {\"PG_VERSION_NUM\", \"{\"};",
        "PG_FUNCTION_INFO_V1(fpgo_order);",
        "FPGO_ORDER_FUNCTIONS(fpgo_judge, judge);",
        "/* PG_FUNCTION_INFO_V1(fpgo_order_old); */",
        "PGDLLEXPORT int fpgo_forward(void);",
        "static int forward(void);",
        "int fpgo_forward(void)",
        "{",
        *["\t;"] * (plan.FUNCTION_LINES - 1),
        "\treturn forward();",
        "}",
        "static int forward(void) { return '}'; }",
        *[""] * (plan.FILE_LINES - plan.FUNCTION_LINES - 18),
    ),
}



def words(n, word="word"):
    return " ".join([word] * n)


LONGEST = words(plan.SENTENCE_WORDS)
HALF = words(plan.SENTENCE_WORDS // 2)

# Sentences that are just short enough, and what is no sentence.
SENTENCES = {
    "src/tables/messages.c": source(
        '#include "postgres.h"',
        "",
        "static void",
        "complain(int code, const char *message)",
        "{",
        '\tereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("order \\"%s\\", (a) | "',
        '\t\t"b", message), errhint(code ? "Mend it; \\"here\\"." : "Leave it.")));',
        "\t/* ereport(ERROR, (errmsg(\"a comment\"))); */",
        '\tereport(LOG, (errmsg_plural("%d order is late", "%d orders are late", code, code)));',
        '\telog(ERROR, "cannot happen");',
        "\terror->sqlerrcode = ERRCODE_UNDEFINED_OBJECT;",
        '\terror->message = code ? pstrdup("all is lost; or so") : message;',
        '\terror->hint = psprintf("Look for %s.", message);',
        "}",
    ),
    "src/tables/sentences.c": source(
        "/*",
        " * sentences.c",
        f" *\t\t{LONGEST}",
        " *",
        f" * {HALF}",
        f" * {HALF}.  {HALF}; {HALF}:",
        f" * {HALF} (e.g. one).",
        f" *\t\t{LONGEST} -",
        f" * {LONGEST}",
        " *",
        f" * - {HALF}",
        f" *   {HALF}",
        f" * 2. {LONGEST}",
        *[f" * one    -> {HALF}"] * 3,
        f" * {LONGEST} */",
        f'const char *one = "/* {LONGEST} {LONGEST}";',
    ),
    "test/sentences.md": "\n".join(
        [
            f"# {LONGEST}",
            words(plan.SENTENCE_WORDS - 1) + ' [link](../src/doc/use.md "with a title").',
            f"{HALF} `{LONGEST}",
            f"{LONGEST}` {words(plan.SENTENCE_WORDS // 2 - 1)} -",
            "",
            f"**{HALF}.** {LONGEST}",
            f"- {HALF}",
            f"  {HALF}",
            "",
            f"    {LONGEST}",
            f"1. {LONGEST}",
            "",
            f"| {LONGEST} | {LONGEST} |",
            "```",
            LONGEST,
            LONGEST,
            "```",
            "a paragraph",
            "",
            f"    {LONGEST}",
            f"    {LONGEST}",
            "",
        ]
    ),
}

META = {
    "name": "fpgo",
    "version": f"{VERSION}.0",
    "abstract": "A made-up distribution",
    "maintainer": ["Somebody"],
    "license": "postgresql",
    "provides": {"fpgo": {"file": f"src/fpgo--{VERSION}.sql", "docfile": "README.md", "version": f"{VERSION}.0"}},
    "prereqs": {"runtime": {"requires": {"PostgreSQL": ">= 15.0.0, < 16.0.0", "plpgsql": 0}}},
    "meta-spec": {"version": "1.0.0", "url": "https://pgxn.org/meta/spec.txt"},
    "tags": ["invoice"],
    "X_note": 1,
}

README = [
    "# Made up",
    "x" * plan.README_COLUMNS,
    "| " + "x" * plan.README_COLUMNS + " |",
    "See [the rooms](src/README.md#arrows), [a page](<src/doc/use.md>), [below][pages] and",
    "[this heading](#a-heading-with-code-and-signs) https://example.org/" + "x" * plan.README_COLUMNS,
    "```",
    "[dead](none.md) " + "x" * plan.README_COLUMNS,
    "```",
    "`[dead](none.md)`",
    "",
    "    " + "x" * plan.README_COLUMNS,
    "",
    "## A heading, with `code` and signs",
    "## Twice",
    "## Twice",
    "[the second](#twice-1)",
    "",
    "[pages]: src/doc",
]

ARROWS = [
    "# The house",
    "## Arrows",
    "",
    "| folder | may include, of the step below |",
    "|---|---|",
    f"| `{plan.ENTRY}` | {', '.join(plan.STEPS[0])} |",
    *[
        f"| `{room}/` | {', '.join(below) or 'nothing'} |"
        for step, below in zip(plan.STEPS, (*plan.STEPS[1:], ()))
        for room in step
    ],
    "",
]

FUNCTIONS = [
    "## SQL functions",
    "",
    "| function | file |",
    "|---|---|",
    "| `order`, `judge` | `tables/harmless.c` |",
    "| `constant` | the script |",
    "",
]

SCRIPT = """\
CREATE FUNCTION fpgo.order(n integer DEFAULT NULL) RETURNS void
	AS 'MODULE_PATHNAME', 'fpgo_order'
	LANGUAGE C;
CREATE OR REPLACE FUNCTION fpgo.judge("order" jsonb) RETURNS void
	AS 'MODULE_PATHNAME', 'fpgo_judge_jsonb'
	LANGUAGE C;
CREATE PROCEDURE fpgo.judge(
	"order" text)
	AS 'MODULE_PATHNAME', 'fpgo_judge_text'
	LANGUAGE C;
CREATE FUNCTION fpgo.constant() RETURNS boolean
	LANGUAGE sql
	RETURN true;
COMMENT ON FUNCTION fpgo.constant() IS 'CREATE FUNCTION fpgo.none() it is not';
"""
SCRIPT += f"""\
-- {LONGEST}
/* {LONGEST}.  {HALF} */
COMMENT ON FUNCTION fpgo.judge(text) IS
	'{LONGEST}. {HALF} -- '
	'{HALF}; {HALF}';
DO 'SELECT ''-- {LONGEST} {LONGEST}'' AS a';
DO $$ '{LONGEST} /* {LONGEST} */ $$;
"""

MESSAGES = """\
# Messages

## Errors

| SQLSTATE | message | HINT |
|---|---|---|
| 42704 | all is lost; or so | Look for …. |
| 42704 | order "…", (a) \\| b | Mend it; "here". / Leave it. |

## Notices

| message | HINT |
|---|---|

## Warnings

| message | HINT |
|---|---|

## Lines of the server log

| message | HINT |
|---|---|
| … orders are late |  |
"""

PAPERS = {
    "README.md": "\n".join(README + [""] * (plan.README_LINES - len(README))) + "\n",
    "CHANGELOG.md": f"# Changes\n\n## {VERSION}.0 (unreleased)\n\n## 1.0.0\n",
    "META.json": json.dumps(META),
    "fpgo.control": f"comment = 'made up'\ndefault_version = '{VERSION}'\n",
    "src/README.md": "\n".join(ARROWS + FUNCTIONS),
    "src/doc/messages.md": MESSAGES,
    "src/doc/use.md": "# Use\n" + "\n" * (plan.DOC_LINES - 1),
    f"src/fpgo--{VERSION}.sql": SCRIPT,
    f"src/fpgo--1.0--{VERSION}.sql": "",
    f"src/{plan.ENTRY}": source(
        '#include "postgres.h"', "", '#include "process/process.h"', '#include "base/compat.h"'
    ),
}

SOUND = {**HARMLESS, **SENTENCES, **PAPERS, **pure_files()}
for each in plan.ROOMS:
    SOUND.update(room_files(each))
SOUND.update(room_pages(SOUND))
