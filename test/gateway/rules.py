"""The validation of an order: the field table of the API page, read with the habits of Laravel's validator.

This reading is independent of fpgo's own C code, so that the two can be compared. `check` returns every
violation, in the order in which the gateway reports them.
"""

import json
import re
from collections import namedtuple

from countries import ALPHA_2
from formats import is_alphanumeric, is_email, is_number, is_url

DEFAULT_TAX_RATES = ("0", "12", "15", "25")
DEEPEST_JSON = 512  # PHP's json_decode gives up beyond this depth

Violation = namedtuple("Violation", "path rule sentence")

# One row of the table: its path, its presence rule, and its other rules in order.
Field = namedtuple("Field", "path parts presence rules")

_BLANKS = " \t\n\r\0\v"  # what PHP's trim() removes, and Laravel 8 with it

# What Laravel 11 and later remove: white space, and the characters of Str::INVISIBLE_CHARACTERS.
_INVISIBLE = _BLANKS + "\f\x85\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180e" + "".join(
    map(chr, (*range(0x2000, 0x2010), 0x2028, 0x2029, 0x202F, *range(0x205F, 0x2066), *range(0x206A, 0x2070), 0x2800,
              0x3000, 0x3164, 0xFEFF, 0xFFA0, 0x1D159, *range(0x1D173, 0x1D17B), 0xE0020)))
_SURROGATE = re.compile("[\ud800-\udfff]")


# --- Reading the body ------------------------------------------------------------------------------------------------

def parse(body):
    """The JSON value in the bytes of a body, or None if PHP would not read it as JSON."""
    try:
        value = json.loads(body.decode("utf-8"), parse_int=_integer, parse_constant=_refuse)
        _refuse_deep_or_broken(value)
        return value
    except (ValueError, RecursionError):
        return None


def trimmed(value, blanks=_BLANKS):
    """The value with every string trimmed and every blank string made None, at all levels."""
    if isinstance(value, str):
        return value.strip(blanks) or None
    if isinstance(value, dict):
        result = {}
        for key, member in value.items():
            result[key] = trimmed(member, blanks)
        return result
    if isinstance(value, list):
        items = []
        for item in value:
            items.append(trimmed(item, blanks))
        return items
    return value


def _integer(token):
    """PHP's reading of an integer: 64 bits, beyond them (and for -0) a float."""
    if len(token) < 19 and token != "-0":
        return int(token)
    if len(token) <= 20 and token != "-0" and -(2**63) <= int(token) < 2**63:
        return int(token)
    return float(token)


def _refuse(token):
    raise ValueError(f"{token} is not JSON")


def _refuse_deep_or_broken(value):
    """Raise ValueError for nesting beyond PHP's limit and for half surrogate pairs."""
    waiting = [(value, 1)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, str):
            if not value.isascii() and _SURROGATE.search(value):
                raise ValueError("a half surrogate pair")
            continue
        if isinstance(value, dict):
            members = [*value.keys(), *value.values()]
        elif isinstance(value, list):
            members = value
        else:
            continue
        if depth > DEEPEST_JSON:
            raise ValueError("nested too deeply")
        waiting.extend((member, depth + 1) for member in members)


# --- Rules of one value: (name, test(value, settings), sentence) -----------------------------------------------------

def _is_one_of(value, options):
    """Whether the text that PHP makes of a value is an option: 25.00 is "25", but "25.00" is not, since 2026."""
    if isinstance(value, (list, dict)):
        return False
    if isinstance(value, bool):
        value = "1" if value else ""
    if isinstance(value, float):
        value = format(value, ".14G")
    if is_number(value):
        value = str(value).strip("\f")  # old versions do not trim it and compare numbers, new ones trim it
    return str(value) in options


def _is_boolean(value):
    if isinstance(value, bool):
        return True
    return (isinstance(value, int) and value in (0, 1)) or (isinstance(value, str) and value in ("0", "1"))


def _size(value):
    """The size of a value that is not required to be a number: items of a list, characters of anything else."""
    if isinstance(value, (list, dict)):
        return len(value)
    if isinstance(value, bool):
        return 1 if value else 0
    return len(str(value))


def _in(*options):
    return ("In", lambda value, settings: _is_one_of(value, options), "The selected {field} is invalid.")


STRING = ("String", lambda value, settings: isinstance(value, str), "The {field} must be a string.")
NUMERIC = ("Numeric", lambda value, settings: is_number(value), "The {field} must be a number.")
BOOLEAN = ("Boolean", lambda value, settings: _is_boolean(value), "The {field} field must be true or false.")
ARRAY = ("Array", lambda value, settings: isinstance(value, (list, dict)), "The {field} must be an array.")
EMAIL = ("Email", lambda value, settings: is_email(value), "The {field} must be a valid email address.")
URL = ("Url", lambda value, settings: is_url(value), "The {field} must be a valid URL.")
ELEVEN = ("Size", lambda value, settings: _size(value) == 11, "The {field} must be 11 characters.")
ALPHA_NUM = (
    "AlphaNum",
    lambda value, settings: is_alphanumeric(value),
    "The {field} must only contain letters and numbers.",
)
TAX_RATE = ("In", lambda value, settings: _is_one_of(value, settings.tax_rates), "The selected {field} is invalid.")
COUNTRY = (
    "IsoAlpha2Country",
    lambda value, settings: isinstance(value, str) and value in ALPHA_2,
    "The {field} must be a valid ISO alpha-2 country code.",
)
KNOWN_ORDER = (
    "Exists",
    lambda value, settings: not isinstance(value, str) or settings.order_exists(value),
    "The selected {field} is invalid.",
)


# --- Presence of a field: functions (value, order) -> (rule, sentence) when it is missing though needed --------------

def _is_empty(value):
    return value is None or value == [] or value == {}


def required(value, order):
    if _is_empty(value):
        return "Required", "The {field} field is required."
    return None


def optional(value, order):
    return None


def required_for_type(customer_type):
    def presence(value, order):
        if _is_empty(value) and _find(order, ("customerDetails", "type")) == customer_type:
            return "RequiredIf", f"The {{field}} field is required when customer details.type is {customer_type}."
        return None

    return presence


def required_with_uuid(value, order):
    if _is_empty(value) and not _is_empty(order.get("fpgoUuid")):
        return "RequiredWith", "The {field} field is required when fpgo uuid is present."
    return None


# --- The table of the API page ---------------------------------------------------------------------------------------

def _field(path, presence, *rules):
    return Field(path, tuple(path.split(".")), presence, rules)


FIELDS = (
    _field("products", required, ARRAY),
    _field("products.*.name", required, STRING),
    _field("products.*.productId", optional, STRING),
    _field("products.*.quantity", required, NUMERIC),
    _field("products.*.rate", required, NUMERIC),
    _field("products.*.discount", optional, NUMERIC),
    _field("products.*.tax", required, NUMERIC, TAX_RATE),
    _field("products.*.amount", required, NUMERIC),
    _field("orderSummary.subTotal", required, NUMERIC),
    _field("orderSummary.totalTax", required, NUMERIC),
    _field("orderSummary.totalDiscount", required, NUMERIC),
    _field("orderSummary.grandTotal", required, NUMERIC),
    _field("orderDate", required, STRING),
    _field("referenceNo", optional, STRING),
    _field("customerReference", optional, STRING),
    _field("orderFrom", required_with_uuid, _in("PARTNER")),
    _field("fpgoUuid", optional, STRING, KNOWN_ORDER),
    _field("invoiceInterval", optional, NUMERIC, _in("0", "1", "2")),
    _field("separateInvoices", optional, BOOLEAN),
    _field("invoiceFeeApplicable", required, BOOLEAN),
    _field("invoiceMaturity", optional, NUMERIC),
    _field("settings.secureDetails", optional, BOOLEAN),
    _field("customerDetails.type", required, _in("private", "corporate")),
    _field("customerDetails.countryCode", required, STRING),
    _field("customerDetails.msisdn", required, STRING),
    _field("customerDetails.email", required, EMAIL),
    _field("customerDetails.name", required, STRING),
    _field("customerDetails.personalNumber", required_for_type("private"), STRING, ELEVEN),
    _field("customerDetails.organizationId", required_for_type("corporate"), STRING, ALPHA_NUM),
    _field("customerDetails.preferredLanguage", optional, _in("en", "no", "sv", "da", "de")),
    _field("customerDetails.address.street", required, STRING),
    _field("customerDetails.address.zip", required, STRING),
    _field("customerDetails.address.city", required, STRING),
    _field("customerDetails.address.country", required, STRING, COUNTRY),
    _field("callback.callbackUrl", required, URL),
    _field("callback.success", required, URL),
    _field("callback.failure", required, URL),
)


class Settings:
    """What a merchant's own configuration decides: the tax rates, and which orders exist."""

    def __init__(self, tax_rates=DEFAULT_TAX_RATES, order_exists=lambda uuid: True):
        self.tax_rates = tuple(tax_rates)
        self.order_exists = order_exists


# --- Checking --------------------------------------------------------------------------------------------------------

def check(order, settings):
    """The violations in an order as it was sent: those that old and new versions see, which trim differently."""
    violations = _violations(trimmed(order), settings)
    seen = {violation.path for violation in violations}
    if _has_odd_blanks(order):
        for violation in _violations(trimmed(order, _INVISIBLE), settings):
            if violation.path not in seen:
                violations.append(violation)
    return violations


def _has_odd_blanks(value):
    """Whether the versions trim anything in it differently."""
    if isinstance(value, str):
        return value.strip(_BLANKS) != value.strip(_INVISIBLE)
    if isinstance(value, dict):
        value = list(value.values())
    return isinstance(value, list) and any(_has_odd_blanks(item) for item in value)


def _violations(order, settings):
    """The violations in a trimmed order (anything that is no JSON object counts as an order without fields)."""
    if not isinstance(order, dict):
        order = {}
    violations = []
    for field in FIELDS:
        for path, value in _values(order, field):
            missing = field.presence(value, order)
            if missing:
                rule, sentence = missing
                violations.append(Violation(path, rule, sentence.format(field=prose(path))))
            elif value is not None:
                for rule, test, sentence in field.rules:
                    if not test(value, settings):
                        violations.append(Violation(path, rule, sentence.format(field=prose(path))))
    return violations


def prose(path):
    """A path as it reads in a sentence: customerDetails.personalNumber -> customer details.personal number."""
    return re.sub(r"(?<=.)(?=[A-Z])", " ", path).lower()


def _values(order, field):
    """The (path, value) pairs a row of the table is about: one, or one for each product."""
    if field.parts[:2] != ("products", "*"):
        yield field.path, _find(order, field.parts)
        return
    products = order.get("products")
    if isinstance(products, dict):
        items = products.items()
    elif isinstance(products, list):
        items = enumerate(products)
    else:
        return
    name = field.parts[2]
    for key, product in items:
        yield f"products.{key}.{name}", product.get(name) if isinstance(product, dict) else None


def _find(order, parts):
    value = order
    for part in parts:
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value
