"""Formats of single values as a Laravel application reads them: numbers, e-mail addresses, URLs, letters and digits.

Where the Laravel versions in use differ, the narrower reading is taken: an order the sandbox accepts is
accepted by all of them.
"""

import ipaddress
import re
import unicodedata

# PHP's is_numeric(): white space around, one sign, decimal digits, an exponent; no hexadecimal, no "NaN".
_NUMERIC = re.compile(r"[ \t\n\r\v\f]*[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[ \t\n\r\v\f]*")

# RFC 5322 with UTF-8: a dot-atom or a quoted string, then "@", then a host name or an address literal.
_ATOM = r"[^\s\x00-\x20\x7f-\xa0()<>\[\]:;@\\,.\"]+"
_QUOTED = r'"(?:[^\x00-\x1f\x7f"\\]|\\[\x20-\x7e])*"'
_LOCAL_PART = re.compile(rf"(?:{_ATOM}(?:\.{_ATOM})*|{_QUOTED})")
_LABEL_END = r"(?:[a-zA-Z0-9]|[^\s\x00-\xa0])"
_LABEL = re.compile(rf"{_LABEL_END}(?:(?:{_LABEL_END}|-)*{_LABEL_END})?")

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
    """An e-mail address by RFC 5322 without comments; a host name without a dot is allowed."""
    if not isinstance(value, str):
        return False
    local_part, at, domain = value.rpartition("@")
    if not at or not _LOCAL_PART.fullmatch(local_part):
        return False
    if domain.startswith("[") and domain.endswith("]"):
        return _is_address(domain[1:-1].removeprefix("IPv6:"))
    return all(_LABEL.fullmatch(label) for label in domain.split("."))


def is_url(value):
    """An absolute URL: a known scheme, a host, and only characters that may stand in a URL unescaped."""
    if not isinstance(value, str):
        return False
    found = _URL.fullmatch(value)
    if not found or found["scheme"].lower() not in _SCHEMES:
        return False
    host = found["host"]
    return _is_address(host[1:-1]) if host.startswith("[") else _is_host(host)


def is_alphanumeric(value):
    """Letters, their marks, and digits of any script."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return False
    return all(unicodedata.category(character)[0] in "LMN" for character in str(value))


def _is_host(host):
    """At least two letters, digits, symbols, '-', '_' or '.', the last one (but for a final dot) a letter or digit."""
    name = host.removesuffix(".")
    allowed = all(character in "-_." or unicodedata.category(character)[0] in "LNS" for character in name)
    return allowed and len(name) >= 2 and unicodedata.category(name[-1])[0] in "LN"


def _is_address(text):
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
