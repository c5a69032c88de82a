"""Personal numbers, covered: a page shows none until a person asks for it."""

import json
import re

COVER = "\u2022" * 11
# on their own: a checksum has such runs by chance
ELEVEN_DIGITS = re.compile(r"(?<![0-9A-Za-z])[0-9]{11}(?![0-9A-Za-z])")
SHORTEST = 6  # a shorter text is nobody's number, and may stand anywhere
MEMBER = "personalNumber"


def personal_numbers(value):
    """The personal numbers in an order, wherever they stand."""
    found = set()
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            number = value.get(MEMBER)
            if isinstance(number, (str, int, float)) and len(str(number).strip()) >= SHORTEST:
                found.add(str(number).strip())
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return found


def cover(text, numbers=()):
    """The text without those numbers, and without any other eleven digits."""
    for number in sorted(numbers, key=len, reverse=True):
        text = text.replace(number, COVER)
    return ELEVEN_DIGITS.sub(COVER, text)


def covered(value, numbers):
    """The value, a JSON one, with all its strings covered."""
    if isinstance(value, str):
        return cover(value, numbers)
    if isinstance(value, dict):
        return {name: COVER if name == MEMBER and member else covered(member, numbers) for name, member in value.items()}
    if isinstance(value, list):
        return [covered(item, numbers) for item in value]
    return value


def numbers_in(body):
    """The personal numbers in the bytes of a body; none if it is not JSON."""
    try:
        return personal_numbers(json.loads(body))
    except (ValueError, RecursionError):
        return set()
