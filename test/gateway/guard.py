"""Who may ask for what is not the documented API: programs on this machine, and pages that the gateway itself served.

The API's calls need a token.  The page, BankID's page and the control calls need none, so that any web site that is open
in a browser on this machine could make them.  A browser says where a request comes from, and what it asked for.
"""

import hmac
import re
import secrets

import answers

HERE = re.compile(r"(127\.0\.0\.1|localhost)(:[0-9]{1,5})?", re.IGNORECASE)

# What every answer but those of the API carries.
HEADERS = {
    "Access-Control-Allow-Origin": None,
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # (not no-referrer: forms would then say nothing of where they come from)
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Token:
    """What a page was given when it was served, and shows when it changes something."""

    def __init__(self):
        self.text = secrets.token_urlsafe(24)

    def is_shown(self, text):
        return hmac.compare_digest(text.encode(), self.text.encode())


def refusal(request, is_address=False):
    """Why a request is not answered, as an answer, or None.  Links of other sites may lead to an address of a page."""
    host = request.header("host")
    if host and not HERE.fullmatch(host):
        return refused("This address is not one of the sandbox's: another name leads to this machine.")
    origin = request.header("origin")
    if origin and origin.lower() not in (f"http://{host}".lower(), f"https://{host}".lower()):
        return refused("Another web site asks. The sandbox answers its own pages only.")
    if request.header("sec-fetch-site") in ("cross-site", "same-site") and not (is_address and request.method == "GET"):
        return refused("Another web site asks. The sandbox answers its own pages only.")
    return None


def refused(message):
    return answers.Answer(403, {"message": message}, headers=HEADERS)
