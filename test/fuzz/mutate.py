"""Orders that went wrong in a thousand ways: mutations of valid ones, from a seed.

    for text in mutations(seed=1, count=1000): ...

Each is JSON text, or what was JSON before something befell it. The same seed gives the same texts.
"""

import json
import random
import re
from pathlib import Path

TEST = Path(__file__).resolve().parent.parent

# what test/check looks for in logs and messages
PERSONAL_NUMBER = "27818299901"


class Raw:
    """A number as it is to be spelt."""

    def __init__(self, spelling):
        self.spelling = spelling


def _deep(depth):
    value = "bottom"
    for _ in range(depth):
        value = [value] if depth % 2 else {"in": value}
    return value


NUMBERS = [Raw(spelling) for spelling in (
    "0", "1", "-1", "2", "12", "25", "13", "1.0", "1e0", "0.1e1", "-0", "-0.0", "0e5", "25.000", "1e3", "1.5", "0.1",
    "12.00000000000000000001", "11.99999999999999999999", "999999999999999999999999", "1e30", "1e400", "1e-400", "-1e400",
    "1755150488")]

TEXTS = [
    "", " ", "\t\r\n", "\u000b", "\u000c", "\u00a0", "\u200b", "\u3000 ", "\ufeff", "\u0085",
    "0", "1", "2", "12", "25", "25.0", " 12 ", "\u000c25", "\u00a025", "+25", "1e1", "2.5e1", "-0", ".5", "5.", "1e", "e1",
    "1e999", "1e99999", "1e999999999", "1e-99999", "1e-999999999", "0e999999999", "9" * 400, "0x1A", "1 000", "1,5", "NaN", "Infinity", "--1",
    "true", "false", "yes", "private", "corporate", "Private", "PARTNER", "partner", "no", "NO", "SE", "UK", "XK", "en", "nb",
    "+47", "0047", "46567468", PERSONAL_NUMBER, PERSONAL_NUMBER[:10], PERSONAL_NUMBER + "0", "\u00a0" + PERSONAL_NUMBER[1:],
    "\u00e5" * 11, "\U0001f600" * 11, "123456 8901", "987654321", "NO987654321MVA", "\u00c6\u00d8\u00c5", "\u0661\u0662", "a-b",
    "a@b", "a@b.no", '"a b"@c.no', "a.@b.no", "a@-b.no", "a@[127.0.0.1]", "\u00e5@\u00f8.no", "a@b..no", "@", "a@b\u00a0", "a@" + "b" * 64,
    "https://a.no", "HTTP://A.NO:80/x?y#z", "http://[::1]/", "http://[1::2::3]/", "ftp://a.no", "https://a", "https://aa..",
    "https://u:p@a.no", "https://a.no:", "https://a.no/%2", "https://\u00f8l.no/\u00e5?\u00e6", "https://a.no/\u00a0", "javascript:alert(1)", "//a.no",
    "x" * 256, "\u0001", "\u007f", "e\u0301", "\U0001f600", "\u202e", "'; DROP TABLE x; --", "$$", "\\", '"', "null", "{}", "[]"]

CONTAINERS = [[], {}, [[]], [{}], [None], {"": ""}, {"0": {}}, {"a": None}, _deep(40), _deep(101)]

STRANGERS = ["note", "Name", "product_id", "reference", "", " ", "referenceNo ", "callbackURL", "\u00e5", "0", "x" * 70, PERSONAL_NUMBER]

# members that may be missing or blank, in the words of fpgo.rules()
OPTIONAL = (
    "products.*.productId", "products.*.discount", "referenceNo", "customerReference", "fpgoUuid", "invoiceInterval",
    "separateInvoices", "invoiceMaturity", "settings", "settings.secureDetails", "customerDetails.preferredLanguage")

SPACES = [" ", "\t", "\n", "\r", "\u000b", "  ", ""]

_PAYLOAD = re.compile(r'"payload": (.*)\}$')


def bases():
    """The valid orders of the corpus, and the page's example."""
    texts = [(TEST / "corpus" / "example-order.json").read_text("utf-8")]
    for line in (TEST / "corpus" / "orders.jsonl").read_text("utf-8").splitlines():
        if json.loads(line)["valid"]:
            texts.append(_PAYLOAD.search(line)[1])
    return [re.sub(r'("personalNumber": ?)"[0-9]{11}"', rf'\1"{PERSONAL_NUMBER}"', text) for text in texts]


def mutations(seed, count):
    rng = random.Random(seed)
    texts = bases()
    for _ in range(count):
        yield Mutator(rng).make(rng.choice(texts))


class Mutator:
    def __init__(self, rng):
        self.rng = rng

    def make(self, text):
        order = json.loads(text, parse_float=Raw, parse_int=Raw)
        kind = self.rng.random()
        if kind < 0.35:
            changes = [self.respell, self.respell, self.drop_optional, self.add_stranger]
        else:
            changes = [self.drop, self.replace, self.replace, self.replace, self.retouch, self.respell, self.rename, self.nest,
                       self.unwrap, self.swap, self.copy, self.double, self.make_map, self.add_stranger]
        for _ in range(self.rng.choice((1, 1, 1, 2, 3, 6))):
            self.rng.choice(changes)(order)
        written = self.write(order)
        return self.break_text(written) if kind > 0.92 else written

    # --- Places: (container, key) --------------------------------------------------------------------------------

    def places(self, value):
        found = []
        members = value.items() if isinstance(value, dict) else enumerate(value)
        for key, member in members:
            found.append((value, key))
            if isinstance(member, (dict, list)) and len(found) < 200:
                found.extend(self.places(member))
        return found

    def place(self, order, leaves_only=False):
        found = self.places(order)
        if leaves_only:
            found = [(holder, key) for holder, key in found if not isinstance(holder[key], (dict, list))]
        return self.rng.choice(found) if found else ({"x": None}, "x")

    def holders(self, value, parents):
        """The objects at a path, in which * is every element of a list."""
        if not parents:
            return [value] if isinstance(value, dict) else []
        if parents[0] == "*":
            members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
        else:
            members = [value[parents[0]]] if isinstance(value, dict) and parents[0] in value else []
        return [holder for member in members for holder in self.holders(member, parents[1:])]

    # --- Changes that leave an order as valid as it was ----------------------------------------------------------

    def respell(self, order):
        holder, key = self.place(order, leaves_only=True)
        value = holder[key]
        if isinstance(value, str):
            holder[key] = self.rng.choice(SPACES) + value + self.rng.choice(SPACES)
        elif isinstance(value, bool):
            holder[key] = self.rng.choice([value, Raw(str(int(value))), str(int(value)), f" {int(value)}\n"])
        elif isinstance(value, Raw):
            holder[key] = self.rng.choice([value.spelling, f"{value.spelling}e0", f" +{value.spelling}", Raw(value.spelling + "e0")])

    def drop_optional(self, order):
        for path in OPTIONAL:
            *parents, name = path.split(".")
            for holder in self.holders(order, parents):
                if self.rng.random() < 0.5:
                    holder.pop(name, None)
                    if self.rng.random() < 0.3:
                        holder[name] = self.rng.choice([None, "", " \t"])

    def add_stranger(self, order):
        holder, _ = self.place(order)
        if isinstance(holder, dict):
            holder.setdefault(self.rng.choice(STRANGERS), self.any_value())

    # --- Changes that may not ------------------------------------------------------------------------------------

    def any_value(self):
        kind = self.rng.random()
        if kind < 0.5:
            return self.rng.choice(TEXTS)
        if kind < 0.75:
            return self.rng.choice(NUMBERS)
        return self.rng.choice([None, True, False]) if kind < 0.88 else json.loads(json.dumps(self.rng.choice(CONTAINERS)))

    def drop(self, order):
        holder, key = self.place(order)
        del holder[key]

    def replace(self, order):
        holder, key = self.place(order, leaves_only=self.rng.random() < 0.8)
        holder[key] = self.any_value()

    def retouch(self, order):
        """One character of a text, or all of them, made another."""
        holder, key = self.place(order, leaves_only=True)
        if isinstance(holder[key], str):
            text = holder[key]
            at = self.rng.randrange(len(text) + 1)
            piece = self.rng.choice(["\u00a0", "\u200b", ".", "@", "/", "%", "\u00e5", "0", "-", " ", "\u000c", '"', "\\", "\U0001f600"])
            holder[key] = self.rng.choice([text[:at] + piece + text[at:], text[:at] + text[at + 1:], text[:at], text.upper(), text + text])

    def rename(self, order):
        holder, key = self.place(order)
        if isinstance(holder, dict):
            snake = re.sub("([A-Z])", r"_\1", key).lower()
            holder[self.rng.choice([snake, key.upper(), key[:-1], key + " ", key + "s"])] = holder.pop(key)

    def nest(self, order):
        holder, key = self.place(order)
        holder[key] = self.rng.choice([[holder[key]], {"0": holder[key]}, {str(key): holder[key]}])

    def unwrap(self, order):
        holder, key = self.place(order)
        value = holder[key]
        if isinstance(value, (dict, list)) and value:
            holder[key] = next(iter(value.values())) if isinstance(value, dict) else value[0]

    def swap(self, order):
        (one, a), (other, b) = self.place(order, True), self.place(order, True)
        one[a], other[b] = other[b], one[a]

    def copy(self, order):
        (one, a), (other, b) = self.place(order, True), self.place(order, True)
        one[a] = other[b]

    def double(self, order):
        products = order.get("products")
        if isinstance(products, list) and products:
            again = self.rng.choice(products)
            products.append(dict(again) if isinstance(again, dict) else again)

    def make_map(self, order):
        products = order.get("products")
        if isinstance(products, list):
            names = self.rng.choice([["0", "1", "2"], ["a", "b", "c"], ["17", "\u00e5", ""]])
            order["products"] = dict(zip(names, products))

    # --- Text ----------------------------------------------------------------------------------------------------

    def write(self, value):
        space = self.rng.choice(["", "", " ", "\n"]) if self.rng.random() < 0.1 else ""
        if isinstance(value, Raw):
            return value.spelling
        if isinstance(value, dict):
            members = [f"{self.write(key)}:{space}{self.write(member)}" for key, member in value.items()]
            if members and self.rng.random() < 0.01:
                members.append(self.rng.choice(members))
            return "{" + ",".join(members) + space + "}"
        if isinstance(value, list):
            return "[" + ("," + space).join(self.write(item) for item in value) + "]"
        return json.dumps(value, ensure_ascii=self.rng.random() < 0.2)

    def break_text(self, text):
        at = self.rng.randrange(len(text))
        piece = self.rng.choice(['"', ",", ":", "{", "}", "[", "]", "\\", "\\u0000", "\\ud800", "\\u00e5", "0", "e", "-", " ", "\n", "\u00e5", "//"])
        return self.rng.choice([text[:at] + piece + text[at:], text[:at] + text[at + 1:], text[:at], text + piece, text[at:],
                                text[:at] + text[at:at + 20] + text[at:], piece])
