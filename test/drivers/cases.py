"""What the programs in Python have in common: arguments, and how they answer.

A program of this folder is called PROGRAM CASE REFERENCE.  FPGO_ORDER names a file
with an order, in which @REFERENCE@ stands for its referenceNo.  The program does what
the case asks, in the way that a user of its driver would, and prints JSON objects, one
a line: {"answer": ...}, or {"failure": {"sqlstate", "detail", "printed"}}, where
printed is what the language prints of the error.
"""

import json
import os
import sys

CASE, REFERENCE = sys.argv[1:3]
with open(os.environ["FPGO_ORDER"], encoding="utf-8") as file:
    ORDER = json.loads(file.read().replace("@REFERENCE@", REFERENCE))


def say(**what):
    print(json.dumps(what, default=str), flush=True)


def run(cases, error_class, describe):
    """Do what the case asks, and print how it ended."""
    try:
        say(answer=cases[CASE]())
    except error_class as error:
        say(failure=describe(error))
    return 0
