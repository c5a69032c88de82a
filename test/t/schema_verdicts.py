"""What a validator of JSON Schema says of orders: one line "t" or "f" for each line of standard input.

    python3 test/t/schema_verdicts.py SCHEMA-FILE < orders, one a line

Debian's python3-jsonschema judges. The schema itself is checked first.
"""

import json
import sys

from jsonschema import Draft7Validator

LONGEST_INTEGER = 300  # digits; Python refuses to read far longer ones, and they are no whole numbers to anybody


def read(order):
    return json.loads(order, parse_int=lambda digits: int(digits) if len(digits) < LONGEST_INTEGER else float(digits))


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        schema = json.load(file)
    Draft7Validator.check_schema(schema)
    if schema["$schema"] != Draft7Validator.META_SCHEMA["$schema"]:
        sys.exit("the schema is of another draft")
    validator = Draft7Validator(schema)
    sys.stdin.reconfigure(encoding="utf-8")
    for order in sys.stdin:
        print("t" if validator.is_valid(read(order)) else "f")


main()
