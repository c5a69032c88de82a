"""All checks, in the order in which they are reported, and how to report them as TAP."""

import sys

import declarations
import functions
import includes
import leftovers
import messages
import papers
import sentences
import versions

SHOWN = 30  # of the reasons of one failure

CHECKS = (
    *includes.CHECKS,
    *declarations.CHECKS,
    *papers.CHECKS,
    *sentences.CHECKS,
    *functions.CHECKS,
    *messages.CHECKS,
    *versions.CHECKS,
    *leftovers.CHECKS,
)


def faults_of(check, tree):
    return sorted(set(check(tree)))


class Tap:
    """Prints a line for each assertion; the reasons of a failure go to standard error, as Test::More's do."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def ok(self, passed, title, reasons=()):
        self.count += 1
        self.failed += not passed
        print(f"{'ok' if passed else 'not ok'} {self.count} - {title}", flush=True)
        if not passed:
            print(f"#   Failed: {title}", file=sys.stderr)
            for reason in reasons[:SHOWN]:
                print(f"#     {reason}", file=sys.stderr)
            if len(reasons) > SHOWN:
                print(f"#     and {len(reasons) - SHOWN} more", file=sys.stderr)

    def end(self):
        print(f"1..{self.count}")
        sys.exit(self.failed > 0)
