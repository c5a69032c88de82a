"""Formats of single values as a Laravel application reads them: numbers, e-mail addresses, URLs, letters and digits.

Where the Laravel versions in use differ, the narrower reading is taken: an order the sandbox accepts is
accepted by all of them.
"""

import ipaddress
import re
import unicodedata

# PHP's is_numeric(): white space around, one sign, decimal digits, an exponent; no hexadecimal, no "NaN".
_NUMERIC = re.compile(r"[ \t\n\r\v\f]*[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[ \t\n\r\v\f]*")

# RFC 5322 with UTF-8: a dot-atom or one quoted string, then "@", then a host name or an address literal. Beyond ASCII
# the library of newer versions takes what Unicode counts among letters, marks, numbers and punctuation.
_ATOM = r"[^\x00-\x20\x7f()<>\[\]:;@\\,.\"]+"
_DOT_ATOM = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_QUOTED = re.compile(r'"(?:[^\x00-\x1f\x7f"]|(?<=\\)")*(?<!\\)"')  # the library knows no escaped backslash
_LABEL = re.compile(r"(?:[a-zA-Z0-9]|[^\x00-\x7f¡¿]|-)*(?<!-)")
_ADDRESS_MARK = re.compile(r"(?<![a-zA-Z])IPv6")

_LONGEST_LABEL = 63
_LONGEST_NAME = 253

# The regular expression of the rule "url" gives up somewhere beyond this many characters.
_LONGEST_URL = 8000

_SCHEMES = frozenset(
    """
    about afp attachment bitcoin blob callto cid content data dav dict dns facetime feed file finger ftp geo git go
    gopher h323 http https icap im imap info ipp ipps irc ircs jabber jar ldap ldaps magnet mailto maps market
    message mid mms news nfs nntp notes pop rsync rtmp rtsp service session sftp sip sips skype sms smb snmp spotify
    ssh steam stun stuns svn tag tel telnet tftp turn turns udp urn vnc webcal ws wss xmpp
    """.split()
)
_URL = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://"
    r"(?:(?:(?:[\w.-]|%[0-9a-f]{2})+:)?(?:[\w.-]|%[0-9a-f]{2})+@)?"
    r"(?P<host>\[[0-9a-f:.]+\]|[^/?#:@\[\]\s]+)"
    r"(?::[0-9]+)?"
    r"(?:/(?:[\w\-.~!$&'()*+,;=:@/]|%[0-9a-f]{2})*)?"
    r"(?:\?(?:[\w\-.~!$&'\[\]()*+,;=:@/?]|%[0-9a-f]{2})*)?"
    r"(?:#(?:[\w\-.~!$&'()*+,;=:@/?]|%[0-9a-f]{2})*)?",
    re.IGNORECASE,
)


def is_number(value):
    """A JSON number, or a string that PHP calls numeric. Booleans are not numbers."""
    if isinstance(value, bool):
        return False
    if isinstance(value, (int, float)):
        return True
    return isinstance(value, str) and _NUMERIC.fullmatch(value) is not None


def is_email(value):
    """An e-mail address by RFC 5322 without comments and white space; a host name without a dot is allowed."""
    if not isinstance(value, str):
        return False
    local_part, at, domain = value.rpartition("@")
    if not at or not (_DOT_ATOM.fullmatch(local_part) or _QUOTED.fullmatch(local_part)):
        return False
    if domain.startswith("[") and domain.endswith("]"):
        version = 6 if domain.startswith("[IPv6:") else 4
        return _is_text(local_part) and _is_address(domain[1:-1].removeprefix("IPv6:"), version)
    return _is_text(value) and _is_domain(domain)


def is_url(value):
    """An absolute URL: a known scheme, a host, and only characters that may stand in a URL unescaped."""
    if not isinstance(value, str) or len(value) > _LONGEST_URL:
        return False
    found = _URL.fullmatch(value)
    if not found or found["scheme"].lower() not in _SCHEMES:
        return False
    host = found["host"]
    return _is_address(host[1:-1], 6) if host.startswith("[") else _is_host(host)


def is_alphanumeric(value):
    """Letters, their marks, and digits of any script."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return False
    return all(_major(character) in "LMN" for character in str(value))


def _major(character):
    return unicodedata.category(character)[0]


def _is_text(value):
    return all(character < "\x80" or _major(character) in "LMNP" for character in value)


def _is_domain(name):
    """The labels of a host name in an e-mail address."""
    if len(name.encode()) > _LONGEST_NAME or name.startswith("-") or _ADDRESS_MARK.search(name):
        return False
    for position, label in enumerate(name.split(".")):
        if not label or not _LABEL.fullmatch(label):
            return False
        if label.isascii():
            length = len(label) + (position > 0)  # the library counts the dot before it
        else:
            length = len("xn--") + len(label.encode("punycode"))
        if length > _LONGEST_LABEL:
            return False
    return True


def _is_host(host):
    """The host of a URL. Versions up to 11 ask for a letter or digit at the end and two characters; later ones for
    labels that are not empty, the last of letters and digits or in punycode, and a lone label in ASCII."""
    labels = host.removesuffix(".").split(".")
    for label in labels:
        if not label or not all(character in "-_" or _major(character) in "LNS" for character in label):
            return False
    last = labels[-1]
    if len(labels) == 1:
        return re.fullmatch(r"[a-zA-Z0-9_-]+[a-zA-Z0-9]", last) is not None
    return all(_major(character) in "LN" for character in last) or re.fullmatch(r"(?i)xn--[a-z0-9-]+", last) is not None


def _is_address(text, version):
    try:
        return ipaddress.ip_address(text).version == version and "%" not in text
    except ValueError:
        return False
