"""What PGXN asks of META.json: its specification of metadata, version 1.0.0 (https://pgxn.org/spec/).

problems_of(meta) lists what is wrong, each as "/path/of/the/value: what is wrong".
"""

import re

SEMVER = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(-(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(\.(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*)?"
    r"(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?"
)
OPERATOR = re.compile(r"(<=|>=|==|!=|<|>)?\s*(.*)")
URL = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#\s]+\S*", re.IGNORECASE)
LICENSES = tuple(
    """agpl_3 apache_1_1 apache_2_0 artistic_1 artistic_2 bsd freebsd gfdl_1_2 gfdl_1_3 gpl_1 gpl_2 gpl_3 lgpl_2_1
    lgpl_3_0 mit mozilla_1_0 mozilla_1_1 openssl perl_5 postgresql qpl_1_0 ssleay sun zlib open_source restricted
    unrestricted unknown""".split()
)
PHASES = ("configure", "build", "test", "runtime", "develop")
RELATIONS = ("requires", "recommends", "suggests", "conflicts")
STATUSES = ("stable", "testing", "unstable")


def problems_of(meta):
    return list(object_problems("", meta, META))


# A rule is a function (path, value) that yields problems.


def string(path, value):
    if not isinstance(value, str) or not value:
        yield f"{path}: is no text"


def one_of(choices):
    def rule(path, value):
        if value not in choices:
            yield f"{path}: is {value!r}, which is none of: {', '.join(sorted(choices))}"

    return rule


def term(path, value):
    if not isinstance(value, str) or len(value) < 2 or re.search(r"[\s\x00-\x1f\x7f/\\]", value):
        yield f"{path}: is no name of two or more characters without white space, / and \\"


def tag(path, value):
    if not isinstance(value, str) or not 1 <= len(value) <= 255 or re.search(r"[\x00-\x1f\x7f/\\]", value):
        yield f"{path}: is no tag of 1 to 255 characters without / and \\"


def version(path, value):
    if not isinstance(value, str) or not SEMVER.fullmatch(value):
        yield f"{path}: {value!r} is no semantic version"


def version_range(path, value):
    if value == 0:
        return
    if not isinstance(value, str):
        yield f"{path}: is no version range"
        return
    for part in value.split(","):
        bound = OPERATOR.fullmatch(part.strip()).group(2)
        if bound != "0":
            yield from version(path, bound)


def url(path, value):
    if not isinstance(value, str) or not URL.fullmatch(value):
        yield f"{path}: {value!r} is no URL"


def email(path, value):
    if not isinstance(value, str) or "@" not in value:
        yield f"{path}: {value!r} is no email address"


def list_of(rule):
    """A list, or one value alone."""

    def check(path, value):
        values = value if isinstance(value, list) else [value]
        if not values:
            yield f"{path}: is empty"
        for number, one in enumerate(values):
            yield from rule(f"{path}/{number}" if isinstance(value, list) else path, one)

    return check


def map_of(key_rule, rule):
    def check(path, value):
        if not isinstance(value, dict) or not value:
            yield f"{path}: is no object, or an empty one"
            return
        for key, one in value.items():
            yield from key_rule(f"{path}/{key}", key)
            yield from rule(f"{path}/{key}", one)

    return check


def object_of(fields):
    return lambda path, value: object_problems(path, value, fields)


def object_problems(path, value, fields):
    """fields: name -> (must it be there, its rule).  Others begin with X_ or x_."""
    if not isinstance(value, dict):
        yield f"{path or '/'}: is no object"
        return
    for name, (is_required, _) in fields.items():
        if is_required and name not in value:
            yield f"{path}/{name}: is missing"
    for name, one in value.items():
        if name in fields:
            yield from fields[name][1](f"{path}/{name}", one)
        elif not name.lower().startswith("x_"):
            yield f"{path}/{name}: is no key of PGXN's; others begin with X_"


def licenses(path, value):
    if isinstance(value, dict):
        yield from map_of(string, url)(path, value)
    else:
        yield from list_of(one_of(LICENSES))(path, value)


PROVIDED = {
    "file": (True, string),
    "version": (True, version),
    "abstract": (False, string),
    "docfile": (False, string),
}

RESOURCES = {
    "license": (False, list_of(url)),
    "homepage": (False, url),
    "bugtracker": (False, object_of({"web": (False, url), "mailto": (False, email)})),
    "repository": (False, object_of({"web": (False, url), "url": (False, url), "type": (False, string)})),
}

META = {
    "name": (True, term),
    "version": (True, version),
    "abstract": (True, string),
    "maintainer": (True, list_of(string)),
    "license": (True, licenses),
    "provides": (True, map_of(term, object_of(PROVIDED))),
    "meta-spec": (True, object_of({"version": (True, one_of(("1.0.0",))), "url": (False, url)})),
    "description": (False, string),
    "generated_by": (False, string),
    "release_status": (False, one_of(STATUSES)),
    "tags": (False, list_of(tag)),
    "no_index": (
        False,
        object_of({"file": (False, list_of(string)), "directory": (False, list_of(string))}),
    ),
    "prereqs": (
        False,
        map_of(one_of(PHASES), map_of(one_of(RELATIONS), map_of(term, version_range))),
    ),
    "resources": (False, object_of(RESOURCES)),
}
