"""The gateway's own tests: `python3 test/gateway/selftest.py` prints TAP and exits non-zero on a failure.

The corpus is read from the file named by FPGO_CORPUS, by default test/corpus/orders.jsonl of this tree.
"""

import sys

sys.dont_write_bytecode = True

import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
TESTS = HERE / "tests"


class TapResult(unittest.TestResult):
    """Prints a TAP line for each test, and the reasons of its failure below it."""

    count = 0

    def startTest(self, test):
        super().startTest(test)
        self.reasons = []
        self.remark = ""

    def stopTest(self, test):
        super().stopTest(test)
        self.count += 1
        verdict = "not ok" if self.reasons else "ok"
        print(f"{verdict} {self.count} - {test.shortDescription() or test.id()}{self.remark}")
        print("".join(f"# {line}\n" for line in self.reasons), end="", flush=True)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.explain(test, error)

    def addError(self, test, error):
        super().addError(test, error)
        self.explain(test, error)

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            self.explain(subtest, error)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.remark = f" # SKIP {reason}"

    def explain(self, test, error):
        self.reasons.append(test.id())
        self.reasons += self._exc_info_to_string(error, test).splitlines()


def main(folder=TESTS):
    """Run the tests of a folder; those of another one than TESTS may use its modules."""
    sys.path[:0] = [str(HERE), str(TESTS), str(folder)]
    suite = unittest.defaultTestLoader.discover(str(folder))
    print(f"1..{suite.countTestCases()}", flush=True)
    result = TapResult()
    suite.run(result)
    sys.exit(0 if result.wasSuccessful() else 1)


if __name__ == "__main__":
    main()
