"""Values of orders as a person reads them."""

import json
import re

AMOUNTS = ("rate", "discount", "amount")  # members of a product that are money


def text_of(value):
    """A value of an order as a text; None if there is none."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def amount(value):
    """An amount of money: 998.0, which is what Python makes of the number 998.00, has two decimals again."""
    if isinstance(value, float) and value == round(value, 2):
        return f"{value:.2f}"
    return text_of(value)


def readable(body):
    """The text of a body; JSON with line breaks, and its numbers as they were sent."""
    text = body.decode("utf-8", "replace")
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    return laid_out(text)


TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')


def laid_out(text):
    """JSON with a line for each member.  (json.dumps() would spell 40.10 as 40.1.)"""
    pieces, depth, last = [], 0, ""
    for token in TOKEN.findall(text):
        if token[0] == '"':
            token = json.dumps(json.loads(token), ensure_ascii=False)
        if token in "]}":
            depth -= 1
            pieces.append("" if last in ("[", "{") else "\n" + "  " * depth)
        elif last in ("[", "{", ","):
            pieces.append("\n" + "  " * depth)
        depth += token in ("[", "{")
        pieces.append(": " if token == ":" else token)
        last = token
    return "".join(pieces)
