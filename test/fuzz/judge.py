"""Mutated orders through SQL: what fpgo, the sandbox gateway's rules and the JSON Schema say of them must agree.

    python3 test/fuzz/judge.py [--orders N] [--seed N]

psql must find a database with fpgo by itself (PGHOST and the like), and jsonschema must be installed. Prints what
disagrees, and the sums; the exit status is 0 only if nothing does.
"""

import argparse
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

from jsonschema import Draft7Validator

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "gateway"))

import rules  # noqa: E402
from mutate import PERSONAL_NUMBER, mutations  # noqa: E402

BATCH = 2000
MOST_SHOWN = 20

# Newer versions of the gateway's framework trim these as well; an order passes only if all versions take it.
WIDE_BLANKS = (" \t\n\r\0\v\f\u0085\u00a0\u1680\u180e\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009"
               "\u200a\u200b\u200e\u2028\u2029\u202f\u205f\u3000\ufeff")

# Where fpgo is deliberately stricter, see src/validation/README.md: rules of which it takes less, and fields whose numbers PHP rounds
# before it compares them.
NARROWER = {"url", "email", "alpha_num"}
ROUNDED = {"products.*.tax", "invoiceInterval"}


def ask(sql, *arguments):
    """What psql prints."""
    run = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", *arguments], input=sql.encode(), stdout=subprocess.PIPE)
    if run.returncode != 0:
        sys.exit("psql failed; a crash of the server?")
    return run.stdout.decode()


def copied(text):
    """A text as COPY reads it."""
    for char, escape in (("\\", "\\\\"), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        text = text.replace(char, escape)
    return text


def judge(texts):
    """What fpgo says of each, in order."""
    data = "".join(f"{copied(text)}\n" for text in texts)
    answer = ask((HERE / "judge.sql").read_text("utf-8")
                 + "CREATE TEMP TABLE given (n int GENERATED ALWAYS AS IDENTITY, line text);\n"
                 + f"COPY given (line) FROM stdin;\n{data}\\.\n"
                 + f"SELECT pg_temp.judge(line, '{PERSONAL_NUMBER}') FROM given ORDER BY n;\n")
    return [json.loads(line) for line in answer.split("\n")[:-1]]


def widely_trimmed(value):
    if isinstance(value, str):
        return value.strip(WIDE_BLANKS) or None
    if isinstance(value, dict):
        return {key: widely_trimmed(member) for key, member in value.items()}
    if isinstance(value, list):
        return [widely_trimmed(item) for item in value]
    return value


def plain(path):
    """A path without the index or the key of a product."""
    return re.sub(r"^products(\.|\[).*[.\]]\.?(\w+)$", r"products.*.\2", path)


def gateway_paths(order):
    """Where the sandbox gateway's rules find something, in any reading of white space."""
    found = set()
    for trim in (rules.trimmed, widely_trimmed):
        found.update(plain(violation.path) for violation in rules.check(trim(order), rules.Settings()))
    return found


def compare(answer, schema, sums):
    """What fpgo's answer does not share with the gateway's rules and the schema: a list of complaints."""
    order = rules.parse(answer["order"].encode())
    ours = {}
    for broken in answer["broken"]:
        path, rule = broken.rsplit(" ", 1)
        ours.setdefault(plain(path), set()).add(rule)
    theirs = gateway_paths(order)
    complaints = [f"the gateway refuses {path}, fpgo does not" for path in sorted(theirs - set(ours))]
    for path in sorted(set(ours) - theirs):
        if ours[path] <= NARROWER or (ours[path] == {"in"} and path in ROUNDED):
            sums["deliberately stricter"] += 1
        else:
            complaints.append(f"fpgo refuses {path} ({', '.join(ours[path])}), the gateway does not")
    takes = schema.is_valid(order)
    if not ours:
        sums["valid"] += 1
        if not takes:
            complaints.append("fpgo accepts it, the schema does not")
    elif takes:
        sums["refused, but not by the schema"] += 1
    return complaints


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--orders", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")

    schema = Draft7Validator(json.loads(ask("SELECT fpgo.json_schema()")))
    sums = Counter()
    shown = Counter()
    for batch in range(0, options.orders, BATCH):
        texts = list(mutations(options.seed + batch, min(BATCH, options.orders - batch)))
        answers = judge(texts)
        if len(answers) != len(texts):
            sys.exit(f"{len(texts)} orders, but {len(answers)} answers")
        for text, answer in zip(texts, answers):
            sums["orders"] += 1
            sums[answer["state"]] += 1
            complaints = answer["complaints"]
            if "order" in answer:
                complaints = complaints + compare(answer, schema, sums)
            for complaint in complaints:
                sums["complaints"] += 1
                shown[complaint] += 1
                if shown[complaint] <= 2 and len(shown) <= MOST_SHOWN:
                    print(f"{complaint}: {text}")
    print(", ".join(f"{what}: {count}" for what, count in sorted(sums.items())))
    return sums["complaints"] > 0


if __name__ == "__main__":
    sys.exit(main())
