"""The validation: the page's table row by row, and the whole corpus."""

import json
import os
import unittest
from pathlib import Path

import rules
from example import ABSENT, EXAMPLE, corporate, example, with_value

CORPUS = Path(os.environ.get("FPGO_CORPUS") or Path(__file__).resolve().parents[2] / "corpus" / "orders.jsonl")

# Each row of the page's table: a value that passes and one that does not.
ROWS = (
    ("products.0.name", "Kabel", ABSENT),
    ("products.0.productId", ABSENT, 5),
    ("products.0.quantity", 2, "two"),
    ("products.0.rate", "10.50", True),
    ("products.0.discount", ABSENT, "5 kr"),
    ("products.0.tax", 25, 13),
    ("products.0.amount", 40.5, None),
    ("orderSummary.subTotal", 40, "1 000"),
    ("orderSummary.totalTax", "0.00", ABSENT),
    ("orderSummary.totalDiscount", 0, " "),
    ("orderSummary.grandTotal", "1e3", "0x1A"),
    ("orderDate", " 1755150488 ", 1755150488),
    ("referenceNo", ABSENT, 5),
    ("customerReference", None, ["3500"]),
    ("orderFrom", "PARTNER", "DAMP"),
    ("fpgoUuid", None, 5),
    ("invoiceInterval", "2", 3),
    ("separateInvoices", 0, "true"),
    ("invoiceFeeApplicable", "1", ABSENT),
    ("invoiceMaturity", "14", "soon"),
    ("settings.secureDetails", False, "yes"),
    ("customerDetails.type", "private", "business"),
    ("customerDetails.countryCode", "+880", 47),
    ("customerDetails.msisdn", "40000000", 46567468),
    ("customerDetails.email", "kari+tag@example.com", "kari@@example.com"),
    ("customerDetails.name", "Åse Ødegård", ""),
    ("customerDetails.personalNumber", "01810112345", "0181011234"),
    ("customerDetails.organizationId", "NO987654321MVA", "987 654 321"),
    ("customerDetails.preferredLanguage", "sv", "fr"),
    ("customerDetails.address.street", "Storgata 1", None),
    ("customerDetails.address.zip", "0155", 155),
    ("customerDetails.address.city", "Oslo", {}),
    ("customerDetails.address.country", "SE", "UK"),
    ("callback.callbackUrl", "http://example.com/hook", "example.com"),
    ("callback.success", "https://example.com:8443/?a=1", "https://exa mple.com"),
    ("callback.failure", "https://example.com/#no", "javascript:alert(1)"),
)


def violations(order):
    return rules.check(order, rules.Settings())


class ValidationTest(unittest.TestCase):
    def test_example(self):
        """the example of the page has no violations"""
        self.assertEqual(violations(EXAMPLE), [])

    def test_rows(self):
        """each row of the page's table passes and fails"""
        table = {field.path.replace("*", "0") for field in rules.FIELDS} - {"products"}
        self.assertEqual({path for path, _, _ in ROWS}, table)
        for path, good, bad in ROWS:
            with self.subTest(path):
                self.assertEqual(violations(with_value(path, good)), [])
                found = {violation.path for violation in violations(with_value(path, bad))}
                self.assertEqual(found, {path, "orderFrom"} if path == "fpgoUuid" else {path})

    def test_conditions(self):
        """conditional fields: the customer's type and fpgoUuid"""
        self.assertEqual(violations(corporate()), [])
        order = with_value("customerDetails.personalNumber", ABSENT)
        self.assertEqual([found.sentence for found in violations(order)], [
            "The customer details.personal number field is required when customer details.type is private."])
        order = corporate()
        del order["customerDetails"]["organizationId"]
        self.assertEqual([found.rule for found in violations(order)], ["RequiredIf"])
        order = example(fpgoUuid="ODR1234567890")
        self.assertEqual([found.path for found in violations(order)], ["orderFrom"])

    def test_versions(self):
        """what one version of Laravel takes and another does not is refused"""
        for path, good, bad in (
            ("products.0.tax", 25.0, "25.00"),
            ("invoiceInterval", "1", "01"),
            ("products.0.name", "\u00adx", "\u00ad"),
            ("customerDetails.personalNumber", "01810112345", "0181011234\u3164"),
            ("customerDetails.email", "a@[192.0.2.1]", "a☃@example.com"),
            ("customerDetails.email", "a@" + "b" * 63 + ".no", "a@b." + "c" * 63),
            ("customerDetails.email", '"a\\b"@example.com', '"a\\\\"@example.com'),
            ("callback.success", "https://bücher.example", "https://bücher"),
            ("callback.success", "https://☃.example/ø", "https://example.com/☃"),
            ("callback.success", "https://[::1]/", "https://[127.0.0.1]/"),
        ):
            with self.subTest(bad):
                self.assertEqual(violations(with_value(path, good)), [])
                self.assertEqual([found.path for found in violations(with_value(path, bad))], [path])

    def test_corpus(self):
        """no disagreement with Laravel over the corpus: verdicts, paths and rules"""
        count = 0
        for line in CORPUS.read_text("utf-8").splitlines():
            case = json.loads(line)
            payload = line[line.index('"payload": ') + len('"payload": '):-1]
            found = {}
            for violation in violations(rules.parse(payload.encode())):
                found.setdefault(violation.path, []).append(violation.rule)
            with self.subTest(case["id"]):
                self.assertEqual((not found, found), (case["valid"], case["errors"]))
            count += 1
        self.assertGreaterEqual(count, 446)

    def test_what_is_json(self):
        """bodies that PHP does not read as JSON"""
        for body in (b"", b"{", b"\xff", b'{"a":NaN}', b'"\\ud800"', b"\xef\xbb\xbf{}", b"[" * 600 + b"]" * 600,
                     b"[" * 100000):
            with self.subTest(body[:20]):
                self.assertIsNone(rules.parse(body))
        self.assertEqual(rules.parse(b"[" * 512 + b"]" * 512) is None, False)
