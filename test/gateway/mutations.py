"""Orders with a few things wrong or odd, and what rules.py says of each: `python3 mutations.py [COUNT [SEED]]`.

Prints them in the form of corpus/orders.jsonl, the same ones for the same seed. fpgo's own reading of the rules is
compared with them. Left out is what fpgo refuses deliberately, and numbers that jsonb respells (-0, 1e0).
"""

import json
import random
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent / "tests")]

import rules
from example import EXAMPLE, corporate

CONTAINERS = ("products", "products.0", "products.1", "orderSummary", "settings", "customerDetails",
              "customerDetails.address", "callback")

# JSON tokens; the number ones are kept as they are spelled.
ANY = r"""null true false 0 1 2 3 11 12 12.0 12.00 13 25 -1 1.0 0.5 99999999999 2.5e1 1e400 "" "\u0020" "\f" "0" "1" "2" "12"
"x" [] {} [1] ["x"] [null] [[]] {"0":"x"} {"name":"x"} "\u00a0" "\u00ad" "\u3164" "\t\n" "\u200b1" "1\u00a0" "true"
"28038712383" "\u00e6\u00f8\u00e512345678" "private" "corporate" "PARTNER" "NO" "en" "a@b.no" "https://a.no" """.split()

# Texts for the fields of one rule.
TEXTS = {
    "numeric": r"1e3 .5 5. +1 -1 0x1A 1,5 1e . - 1e400 007 \f1 1\f 12.0 25 015 +12 1e1 INF NaN １ 1_0",
    "email": r"""a@b A.B+c@x.y.no a@b..c .a@b a.@b a@-b a@b- a@b_c a@x.-y "a\u0020b"@c.no "a\\"@c.no "a\"b"@c.no ø@ø.no
a☃@b a@☃.no a@IPv6.no a@[127.0.0.1] a@[IPv6:::1] a@b@c a@b. @ a@ @b a@b\u00a0 a@xn--a""",
    "url": r"""http://a.no https://a https://ab https://a..b https://bücher https://bücher.no/ø https://a.no/☃ https://☃.no
https://a$b.no https://a_b/ https://a.c-d https://a.xn--p1ai https://[::1]:1/ https://[127.0.0.1] https://u:p@a.no:80?x#y
https://a.no/%2 https://a.no/%20 https://a.no:x https:/a.no //a.no https://a.no/?a[]=1 https://a.no/[ https://e\u0301.no
HTTPS://A.NO https://a.no. https://a.no.. https://a.no\u00a0 https://a.no/\u3164""",
    "other": r"""Private private\u00a0 nb sv UK SE no ÅS9 a-b a\u0301 ٣ ½ 2803871238 280387123833 12345678901\u00ad
abcdefghijk ☃☃☃☃☃☃☃☃☃☃☃ DAMP partner""",
}

ESCAPES = [(rf"\u{code}", chr(int(code, 16))) for code in ("0020", "00a0", "00ad", "0301", "3164")] + [(r"\f", "\f")]


def _kind(field):
    names = {rule[0] for rule in field.rules}
    for name in ("Numeric", "Email", "Url"):
        if name in names:
            return name.lower()
    return "other"


def _set(order, path, value):
    """Set what is at a path, if what holds it is there; no value at all removes it."""
    *parents, last = path.split(".")
    for part in parents:
        if isinstance(order, list):
            order = order[int(part)] if int(part) < len(order) else None
        else:
            order = order.get(part) if isinstance(order, dict) else None
    if isinstance(order, list):
        if int(last) < len(order):
            order[int(last)] = value
    elif isinstance(order, dict):
        order.pop(last, None)
        if value is not None:
            order[last] = value


def mutation(chance):
    """The JSON text of one order."""
    order = json.loads(json.dumps(chance.choice([EXAMPLE, corporate()])))
    if chance.random() < 0.5:
        order["products"].append(dict(order["products"][0]))
    if chance.random() < 0.1:
        order["products"] = dict(zip("a7", order["products"]))
    if chance.random() < 0.3:
        order.update(chance.choice([{"settings": {}}, {"fpgoUuid": "ODR1"}, {"orderFrom": "PARTNER", "fpgoUuid": "ODR1"}]))
    tokens = []
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        field = chance.choice(rules.FIELDS)
        path, token = field.path.replace("*", chance.choice("01")), chance.choice(ANY)
        if chance.random() < 0.1:
            path = chance.choice(CONTAINERS)
        elif chance.random() < 0.5:
            text = chance.choice(TEXTS[_kind(field)].split())
            for escape, character in ESCAPES:
                text = text.replace(escape, character)
            token = json.dumps(chance.choice(["", "", " ", "\t"]) + text)
        tokens.append(token)
        _set(order, path, f"token {len(tokens)}" if chance.random() < 0.95 else None)
    text = json.dumps(order)
    for number, token in enumerate(tokens, 1):
        text = text.replace(f'"token {number}"', token)
    return text


def main(count=4000, seed=1):
    chance = random.Random(int(seed))
    for number in range(int(count)):
        text = mutation(chance)
        errors = {violation.path: [] for violation in rules.check(rules.parse(text.encode()), rules.Settings())}
        case = {"id": f"M{number}", "valid": not errors, "errors": errors}
        print(json.dumps(case)[:-1] + ', "payload": ' + text + "}")


if __name__ == "__main__":
    main(*sys.argv[1:])
