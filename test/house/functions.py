"""Checks the table under the heading "SQL functions" of src/README.md against the script and the C files."""

import re

from papers import page_of, table_below
from source import Fault
from versions import line_of, with_version

PAGE = "src/README.md"
TITLE = "SQL functions"
SCRIPT = "the script"  # what the table says of a function without C

FUNCTION = re.compile(r"^CREATE (?:OR REPLACE )?(?:FUNCTION|PROCEDURE) fpgo\.(\w+)\(.*?;", re.MULTILINE | re.DOTALL)
SYMBOL = re.compile(r"AS 'MODULE_PATHNAME', '(\w+)'")
DEFINED = re.compile(r"\bPG_FUNCTION_INFO_V1\(\s*(\w+)\s*\)")
DEFINED_THRICE = re.compile(r"\bFPGO_ORDER_FUNCTIONS\(\s*(\w+)\s*,")
SPELLINGS = ("text", "jsonb", "invoice_order")


def functions_of(script):
    """name -> (line of its first function, C symbols of all functions of that name)"""
    found = {}
    for match in FUNCTION.finditer(script):
        _, symbols = found.setdefault(match.group(1), (line_of(script, match.start()), set()))
        symbols.update(SYMBOL.findall(match.group()))
    return found


def definers(tree):
    """C symbol of an SQL function -> the file that defines it, below src/"""
    found = {}
    for source in tree.sources:
        if source.is_header:
            continue
        for symbol in DEFINED.findall(source.code):
            found[symbol] = source.path
        for name in DEFINED_THRICE.findall(source.code):
            found.update({f"{name}_{spelling}": source.path for spelling in SPELLINGS})
    return found


@with_version
def check_function_table(tree, version):
    """the table of SQL functions in src/README.md names each one, and the file that it is in"""
    script_path = f"src/fpgo--{version}.sql"
    script, text = tree.read(script_path), tree.read(PAGE)
    if script is None or text is None:
        return  # (check_scripts and check_room_pages speak of that)
    rows = list(table_below(page_of(PAGE, text), TITLE))
    if not rows:
        yield Fault(PAGE, 0, f'has no table under a heading "{TITLE}"')
        return
    files = definers(tree)
    missing = functions_of(script)
    for line, (names, place) in rows:
        for name in re.findall(r"`(\w+)`", names):
            if name not in missing:
                yield Fault(PAGE, line, f"fpgo.{name} is no function of {script_path}, or has a row already")
                continue
            _, symbols = missing.pop(name)
            makers = {files.get(symbol, "no file") for symbol in symbols} or {SCRIPT}
            if makers != {place.strip("`")}:
                yield Fault(PAGE, line, f"fpgo.{name} is made by {', '.join(sorted(makers))}")
    for name, (line, _) in missing.items():
        yield Fault(script_path, line, f"the table of SQL functions in {PAGE} has no row for fpgo.{name}")


CHECKS = (check_function_table,)
