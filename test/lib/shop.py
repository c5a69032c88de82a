"""The shop of `test/demo --stay`, made of what the documentation shows.

    shop.py settings                      the lines for postgresql.conf
    shop.py sql GATEWAY WEB FOLDER        the first hour's statements for psql, up to the trigger and take_answers
    shop.py web                           the receiver of callbacks and two pages; prints its address, runs until SIGTERM

The documentation names Front Payment's address, the shop's own, and files in /etc/fpgo: GATEWAY, WEB and FOLDER take
their places.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
SHOPS = ROOT / "src/doc/shops.md"
LAST = "Or invoice now, while the customer waits"  # there the trigger is disabled


def section(page, title, end=None):
    """The text below a heading, up to the next heading of its level, or to the one named `end`."""
    text, level = None, 0
    is_block = False
    for line in page.read_text().splitlines(keepends=True):
        is_block ^= line.startswith("```")
        heading = None if is_block else re.match(r"(#+) (.*)", line)
        if heading and text is not None and (len(heading[1]) <= level or heading[2] == end):
            return text
        if heading and text is None and heading[2] == title:
            text, level = "", len(heading[1])
        elif text is not None:
            text += line
    if text is None:
        sys.exit(f'{page} has no section "{title}"')
    return text


def blocks(text, kind):
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def first_hour():
    return section(README, "A shop's first hour", LAST)


def statements(gateway, web, folder):
    callbacks = "-- as postgres, in database shop\n" + blocks(section(SHOPS, "Callbacks"), "sql")[0]
    lines = ["\\set ON_ERROR_STOP on"]
    for block in blocks(first_hour(), "sql") + [callbacks]:
        role, database = re.match(r"-- as (\w+), in database (\w+)\n", block).groups()
        lines.append(f"\\connect {database} {role}\n{block}")
    text = "\n".join(lines)
    for there, here in (("https://demo-api.frontpayment.no/api/v1", gateway), ("https://shop.example", web),
                        ("/etc/fpgo/token", f"{folder}/token"),
                        ("/etc/fpgo/callback-secret", f"{folder}/callback-secret")):
        if there not in text:
            sys.exit(f"the documentation does not name {there} any more")
        text = text.replace(there, here)
    return text


def serve():
    from werkzeug.serving import make_server

    names = {"__name__": "__main__"}
    exec(compile(blocks(section(SHOPS, "Callbacks"), "python")[0], str(SHOPS), "exec"), names)
    app = names["app"]
    app.add_url_rule("/thanks", "thanks", lambda: said("Thank you", "You signed the order."))
    app.add_url_rule("/sorry", "sorry", lambda: said("A pity", "You did not sign the order."))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


def said(title, text):
    return (f'<!doctype html><html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,">'
            f'<title>{title}</title>'
            f'<body style="font:1.1rem system-ui,sans-serif;margin:4rem auto;max-width:32rem"><h1>{title}</h1><p>{text} '
            "This is the shop of the demonstration.</p>")


def main():
    what, *more = sys.argv[1:]
    if what == "settings":
        print("".join(blocks(first_hour(), "ini")))
    elif what == "sql":
        print(statements(*more))
    else:
        serve()


if __name__ == "__main__":
    main()
