"""Checks that src/doc/messages.md has every error, notice and log line of the C files, by SQLSTATE.

`python3 test/house/messages.py` writes the page anew.
"""

import re
import sys

sys.dont_write_bytecode = True

from pathlib import Path

from source import Fault, Tree

PAGE = "src/doc/messages.md"
HEADER = "src/base/fpgo.h"

# PostgreSQL's codes, as far as fpgo raises them, and what each means here.
CODES = {
    "ACTIVE_SQL_TRANSACTION": "25001", "AMBIGUOUS_FUNCTION": "42725", "ARRAY_SUBSCRIPT_ERROR": "2202E",
    "CARDINALITY_VIOLATION": "21000", "CHECK_VIOLATION": "23514", "CONFIGURATION_LIMIT_EXCEEDED": "53400",
    "DATETIME_VALUE_OUT_OF_RANGE": "22008", "E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED": "39P03",
    "E_R_I_E_TRIGGER_PROTOCOL_VIOLATED": "39P01", "FDW_DYNAMIC_PARAMETER_VALUE_NEEDED": "HV002",
    "FDW_INVALID_ATTRIBUTE_VALUE": "HV024", "FDW_INVALID_OPTION_NAME": "HV00D", "FEATURE_NOT_SUPPORTED": "0A000",
    "INSUFFICIENT_PRIVILEGE": "42501", "INSUFFICIENT_RESOURCES": "53000", "INTERNAL_ERROR": "XX000",
    "INVALID_FUNCTION_DEFINITION": "42P13", "INVALID_NAME": "42602", "INVALID_PARAMETER_VALUE": "22023",
    "INVALID_TEXT_REPRESENTATION": "22P02", "LOCK_NOT_AVAILABLE": "55P03", "NULL_VALUE_NOT_ALLOWED": "22004",
    "NUMERIC_VALUE_OUT_OF_RANGE": "22003", "OBJECT_IN_USE": "55006", "OBJECT_NOT_IN_PREREQUISITE_STATE": "55000",
    "OUT_OF_MEMORY": "53200", "PROGRAM_LIMIT_EXCEEDED": "54000", "QUERY_CANCELED": "57014",
    "STATEMENT_TOO_COMPLEX": "54001", "TRIGGERED_DATA_CHANGE_VIOLATION": "27000", "T_R_SERIALIZATION_FAILURE": "40001",
    "UNDEFINED_COLUMN": "42703", "UNDEFINED_FUNCTION": "42883", "UNDEFINED_OBJECT": "42704", "UNDEFINED_TABLE": "42P01",
    "UNIQUE_VIOLATION": "23505", "UNTRANSLATABLE_CHARACTER": "22P05", "WRONG_OBJECT_TYPE": "42809",
}

OWN = re.compile(r"#define ERRCODE_(FPGO_\w+) MAKE_SQLSTATE\('(.)', '(.)', '(.)', '(.)', '(.)'\)")
REPORT = re.compile(r"\bereport\s*\(\s*(\w+)\s*,")
CODE = re.compile(r"\bERRCODE_(\w+)")
STRINGS = re.compile(r'"(?:\\.|[^"\\\n])*"(?:\s*"(?:\\.|[^"\\\n])*")*')
STRING = re.compile(r'"((?:\\.|[^"\\\n])*)"')
ESCAPE = re.compile(r"\\(.)")
PLACE = re.compile(r"%(?:\.\*)?(?:l{0,2}|z)[sdufc]|%\.\d+f|%m")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
TOKEN = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|[(),]')
WORDS = re.compile(r"\w \S|\w\.")
# errors that stand in a table: {ERRCODE_..., "message", "hint"}
TABLED = re.compile(r'\{\s*ERRCODE_(\w+),\s*((?:"(?:\\.|[^"\\\n])*"\s*)+),?\s*((?:"(?:\\.|[^"\\\n])*"\s*)*|NULL)\}')
# errors that a function raises by variables: code = ERRCODE_...; message = "..."; hint = "..."
ASSIGNED = re.compile(rf'code = ERRCODE_(\w+);\s*(?:const char \*)?message = ({STRINGS.pattern});(?:\s*hint = ({STRINGS.pattern});)?')
# and those of a function that raises one code
RAISED = re.compile(rf'\braise_protocol\(({STRINGS.pattern})\)')
PROTOCOL = "E_R_I_E_TRIGGER_PROTOCOL_VIOLATED"
# errors that a process hands to a session: error->sqlerrcode = ERRCODE_...; then message, detail and hint
VALUE = r'((?:"(?:\\.|[^"\\\n])*"|[^;"])*);\s*'
HANDED = re.compile(
    rf"sqlerrcode = ERRCODE_(\w+);\s*[\w.>-]+message = {VALUE}(?:[\w.>-]+detail = {VALUE})?(?:[\w.>-]+hint = {VALUE})?"
)
# where ereport() gets a message that is one of these, or that is another process's
BY_VARIABLE = ("src/followup/inquiry.c", "src/handin/submit.c", "src/handin/trigger.c")

# Errors whose code is a variable: the message, and which code it may have; "…" is that of the error it quotes.
VARIABLE = {
    'could not ask server "…": …': ("…",),
    "could not record the order: …": ("…",),
    "order is not valid JSON": ("22P02",),
    "order cannot be stored as jsonb": ("22003", "22P05", "54000"),
    "text is no row of fpgo.invoice_order": ("22P02",),
}
LEVELS = {"NOTICE": "Notices", "WARNING": "Warnings", "LOG": "Lines of the server log"}

HEAD = """# What fpgo says

Every error, notice, warning and log line of fpgo, as the source has them. A test compares this page
with the source; `python3 test/house/messages.py` writes it anew. [Errors](errors.md) says what to do
about each SQLSTATE, and the [README](../../README.md#errors) whether the order was sent.

`…` stands for what is filled in. The HINT is shown where it is written beside its message.
"""


def plain(literals):
    """The text of adjoining C strings, with places to fill in shown as such."""
    text = "".join(ESCAPE.sub(lambda m: {"n": " ", "t": " "}.get(m[1], m[1]), part) for part in STRING.findall(literals))
    return re.sub("…{2,}", "…", PLACE.sub("…", text)).replace("%%", "%").replace("|", "\\|").strip()


def matching(text, start):
    """Where the parenthesis closes that is open at start."""
    depth = 1
    for match in TOKEN.finditer(text, start):
        depth += {"(": 1, ")": -1}.get(match.group(), 0)
        if depth == 0:
            return match.start()
    return len(text)


def calls(body, names):
    """(function, arguments) of calls of these functions in a report."""
    for match in re.finditer(rf"\b({names})\s*\(", body):
        yield match[1], body[match.end():matching(body, match.end())]


def arguments(text):
    """The arguments of a call, whose parentheses were taken off."""
    depth, start = 0, 0
    for match in TOKEN.finditer(text):
        depth += {"(": 1, ")": -1}.get(match.group(), 0)
        if match.group() == "," and depth == 0:
            yield text[start:match.start()]
            start = match.end()
    yield text[start:]


def texts(body, names):
    """The different texts that these calls may give; of a singular and a plural the second."""
    found = []
    for name, text in calls(body, names):
        parts = [[plain(literals) for literals in STRINGS.findall(part)] for part in arguments(text)]
        if name.endswith("_plural"):
            parts = parts[1:]
        said = [text for text in parts[0] if WORDS.search(text)]
        found += said or [text for part in parts[1:] for text in part if WORDS.search(text)]
    return list(dict.fromkeys(found))


def codes_in(body, codes):
    """The SQLSTATEs of a report; XX000 is what PostgreSQL takes where none is said."""
    said = list(calls(body, "errcode"))
    names = CODE.findall(said[0][1]) if said else ["INTERNAL_ERROR"]
    return [codes[name] for name in names]


def messages_of(path, text, codes):
    """(section, message, hint); raises KeyError for a report that is not understood."""
    text = COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)
    for match in TABLED.finditer(text):
        yield codes[match[1]], plain(match[2]), plain(match[3]) if match[3] != "NULL" else ""
    for match in ASSIGNED.finditer(text):
        yield codes[match[1]], plain(match[2]), plain(match[3] or "")
    for match in HANDED.finditer(text):
        hint = " / ".join(plain(literals) for literals in STRINGS.findall(match[4] or ""))
        for literals in STRINGS.findall(match[2]):
            yield codes[match[1]], plain(literals), hint
    for match in RAISED.finditer(text):
        yield codes[PROTOCOL], plain(match[1]), ""
    for match in REPORT.finditer(text):
        body = text[match.end():matching(text, match.end())]
        said = texts(body, "errmsg|errmsg_plural|errmsg_internal")
        hint = " / ".join(texts(body, "errhint"))
        sections = [LEVELS[match[1]]] if match[1] in LEVELS else codes_in(body, codes)
        if not said and path not in BY_VARIABLE:
            raise KeyError(f"{path}: {' '.join(body.split())[:60]}")
        for message in said:
            for section in sections or VARIABLE[message]:
                yield section, message, hint


def catalogue(tree):
    """The page's text."""
    codes = dict(CODES)
    codes.update({name: "".join(letters) for name, *letters in OWN.findall(tree.read(HEADER) or "")})
    found = {}
    for source in tree.sources:
        if not source.is_header:
            for section, message, hint in messages_of(source.shown, tree.read(source.shown), codes):
                if found.setdefault((section, message), hint) == "":
                    found[section, message] = hint
    errors = sorted(key for key in found if key[0] not in LEVELS.values())
    lines = [HEAD, "## Errors\n", "| SQLSTATE | message | HINT |", "|---|---|---|"]
    lines += [f"| {section} | {message} | {found[section, message]} |" for section, message in errors]
    for title in LEVELS.values():
        lines += [f"\n## {title}\n", "| message | HINT |", "|---|---|"]
        lines += [f"| {message} | {hint} |" for (section, message), hint in sorted(found.items()) if section == title]
    return "\n".join(lines) + "\n"


def check_messages(tree):
    """src/doc/messages.md has every message of the source"""
    text = tree.read(PAGE)
    if text is None:
        return  # (a tree without it has no users)
    try:
        expected = catalogue(tree)
    except KeyError as reason:
        yield Fault("test/house/messages.py", 0, f"CODES or VARIABLE lacks {reason.args[0]}")
        return
    there = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.startswith(("|", "## "))]
    wanted = [line for line in expected.split("\n") if line.startswith(("|", "## "))]
    faults = [Fault(PAGE, number, f"no source says: {line}") for number, line in there if line not in wanted]
    known = {line for _, line in there}
    faults += [Fault(PAGE, 0, f"lacks: {line}") for line in wanted if line not in known]
    yield from faults
    if not faults and [line for _, line in there] != wanted:
        yield Fault(PAGE, 0, "has its rows in another order than test/house/messages.py writes them, or some twice")


CHECKS = (check_messages,)

if __name__ == "__main__":
    root = Path(__file__).resolve().parents[2]
    (root / PAGE).write_text(catalogue(Tree(root)))
