"""Orders that differ from the page's example in one field each, and what the sandbox and the JSON Schema say of them.

    python3 test/t/field_places.py < {"rules": rows of fpgo.rules(), "schema": fpgo.json_schema()}

Prints JSON: the paths of the sandbox's fields, the members that mutate.py calls optional, and the orders. Of each order:
the field's path, its value, the order's text, the first rule that the sandbox finds broken there ("" if none), and
whether the schema takes the order. The values that try a field's constraint are made from the constraint's own words.
"""

import copy
import json
import re
import sys
from pathlib import Path

TEST = Path(__file__).resolve().parent.parent
sys.dont_write_bytecode = True
sys.path[:0] = [str(TEST / "gateway"), str(TEST / "gateway" / "tests"), str(TEST / "fuzz")]

from jsonschema import Draft7Validator  # noqa: E402

import mutate  # noqa: E402
import rules  # noqa: E402
from example import ABSENT, EXAMPLE  # noqa: E402

UNCHANGED = object()

# tried in every field: values of each type, and texts that break a rule of form
VALUES = (UNCHANGED, ABSENT, None, "", " ", "x", "a-b c", "XX", "NO", "a@b.no", "https://a.no/b", "1755150488", 0, 1, -1, 0.5, 987654321,
          True, False, [], {}, [{}], ["x"], {"0": "x"})
LONGEST_TEXT = 1000


def values_of(constraint):
    """Values on the limits of a constraint and just outside them, and the words that it lists."""
    values = []
    for text in re.findall(r"-?\d+(?:\.\d+)?", constraint):
        number = float(text) if "." in text else int(text)
        for near in (number, number - 1, number + 1, round(number - 0.01, 2), round(number + 0.01, 2)):
            values += [near, str(near)]
            if isinstance(near, int) and 0 < near < LONGEST_TEXT:
                values.append("1" * near)
    for word in re.findall(r"\w+", constraint):
        values += [word, word + "x", word.swapcase()]
    return values


def condition(presence):
    """The sibling's value under which a field is required, as {name: value}."""
    found = re.fullmatch(r"required if (\w+) is (\w+)", presence)
    if found:
        return {found[1]: found[2]}
    found = re.fullmatch(r"required with (\w+)", presence)
    return {found[1]: "ODR1"} if found else {}


def order_with(row, value):
    """The example with this value in the field of a row of fpgo.rules()."""
    order = copy.deepcopy(EXAMPLE)
    *parents, name = row["path"].replace("*", "0").split(".")
    holder = order
    for part in parents:
        holder = holder[int(part)] if part.isdigit() else holder.setdefault(part, {})
    holder.update(condition(row["presence"]))
    if value is ABSENT:
        holder.pop(name, None)
    elif value is not UNCHANGED:
        holder[name] = value
    return order


def first_rule(order, path):
    """The first rule that the sandbox finds broken at a path, in the form of fpgo's names."""
    for violation in rules.check(order, rules.Settings()):
        if violation.path == path.replace("*", "0"):
            return re.sub(r"(?<!^)(?=[A-Z])", "_", violation.rule).lower()
    return ""


def shown(value):
    return "nothing" if value is ABSENT else "the page's example" if value is UNCHANGED else json.dumps(value)


def probes(rows, schema):
    validator = Draft7Validator(schema)
    for row in rows:
        for value in (*VALUES, *values_of(row["constraint"] or "")):
            order = order_with(row, value)
            yield {"path": row["path"], "value": shown(value), "order": json.dumps(order),
                   "sandbox": first_rule(order, row["path"]), "schema": validator.is_valid(order)}


def main():
    given = json.load(sys.stdin)
    json.dump({"sandbox": [field.path for field in rules.FIELDS], "optional": mutate.OPTIONAL,
               "probes": list(probes(given["rules"], given["schema"]))}, sys.stdout)


main()
