"""Reads a tree: its C files with their includes, functions and declarations.

It is no compiler.  It takes comments, strings and preprocessor lines away and counts braces, which is enough for
code in PostgreSQL's style.
"""

import bisect
import functools
import re
from pathlib import Path
from typing import NamedTuple


class Fault(NamedTuple):
    """What a check found; its text is "file:line: message", or "file: message" of a file as a whole."""

    path: str
    line: int  # 0: the whole file
    message: str

    def __str__(self):
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {self.message}"


class Include(NamedTuple):
    line: int
    name: str
    is_quoted: bool


class Function(NamedTuple):
    name: str
    line: int
    body_lines: int  # between the braces
    is_static: bool


class Declaration(NamedTuple):
    """Of a name that is no function's body.

    kind: "prototype", "variable", "tag" (of a struct, union or enum with its members), "typedef", or "forward" (a
    typedef that only gives a struct its own name).
    """

    kind: str
    name: str
    line: int
    is_static: bool
    is_extern: bool


def blank(match):
    """Spaces in place of a match, so that lines and columns stay."""
    return re.sub(r"[^\n]", " ", match.group())


COMMENT_OR_STRING = re.compile(
    r"/\*.*?\*/|//[^\n]*" r'|"(?:\\.|[^"\\\n])*"' r"|'(?:\\.|[^'\\\n])*'", re.DOTALL
)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">\n]+)[">]', re.MULTILINE)
ATTRIBUTE = re.compile(r"\b(?:pg_attribute_\w+|__attribute__)\s*\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)")
PARAMETERS = re.compile(r"(\w+)\s*\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)\s*$")
TAG = re.compile(r"\b(?:struct|union|enum)\s+(\w+)\s*$")
FORWARD = re.compile(r"typedef\s+(?:struct|union|enum)\s+(\w+)\s+(\w+)\s*$")
POINTER_NAME = re.compile(r"\(\s*\*\s*(\w+)\s*\)")
LAST_NAME = re.compile(r"(\w+)\s*(?:\[[^\]]*\]\s*)*$")


class Source:
    """One C file.  path is relative to src/."""

    def __init__(self, path, text):
        self.path = path
        self.shown = f"src/{path}"
        self.room = path.split("/")[0] if "/" in path else None
        self.module = path.rsplit(".", 1)[0]
        self.is_header = path.endswith(".h")
        self.n_lines = len(text.splitlines())
        self.line_starts = [0] + [m.end() for m in re.finditer("\n", text)]
        no_comments = COMMENT_OR_STRING.sub(lambda m: blank(m) if m.group().startswith("/") else m.group(), text)
        self.no_strings = COMMENT_OR_STRING.sub(blank, text)
        self.code = DIRECTIVE.sub(blank, self.no_strings)
        self.includes = [
            Include(self.line_of(m.start(1)), m.group(2), m.group(1) == '"') for m in INCLUDE.finditer(no_comments)
        ]
        self.functions = []
        self.declarations = []
        self.read_code()

    def line_of(self, offset):
        return bisect.bisect_right(self.line_starts, offset)

    def fault(self, line, message):
        return Fault(self.shown, line, message)

    def read_code(self):
        """Walk over braces and semicolons; what stands outside of all braces is declared or defined."""
        depth = 0
        start = 0  # of the declaration
        opened = 0  # where the outermost brace is
        function = None
        for match in re.finditer(r"[{};]", self.code):
            at = match.start()
            if match.group() == "{":
                if depth == 0:
                    opened = at
                    function = self.function_name(self.code[start:at])
                depth += 1
            elif match.group() == "}":
                depth -= 1
                if depth == 0 and function:
                    self.add_function(function, start, opened, at)
                    start = at + 1
                    function = None
            elif depth == 0:
                self.add_declaration(start, at)
                start = at + 1

    def function_name(self, head):
        match = PARAMETERS.search(ATTRIBUTE.sub("", head))
        return match.group(1) if match and "=" not in head else None

    def add_function(self, name, start, opened, closed):
        head = self.code[start:opened]
        line = self.line_of(start + re.search(rf"\b{name}\b", head).start())
        body_lines = max(self.line_of(closed) - self.line_of(opened) - 1, 0)
        self.functions.append(Function(name, line, body_lines, bool(re.search(r"\bstatic\b", head))))

    def add_declaration(self, start, end):
        text = ATTRIBUTE.sub(blank, self.code[start:end])
        stripped = text.strip()
        for kind, name in declared(stripped):
            line = self.line_of(start + re.search(rf"\b{name}\b", text).start())
            self.declarations.append(
                Declaration(
                    kind,
                    name,
                    line,
                    bool(re.search(r"\bstatic\b", text)),
                    bool(re.search(r"\bextern\b", text)),
                )
            )


def declared(text):
    """(kind, name) of all that one declaration, without its semicolon, declares."""
    found = []
    head, brace, rest = text.partition("{")
    if brace and "=" not in head:
        tag = TAG.search(head)
        if tag:
            found.append(("tag", tag.group(1)))
        text = rest.rpartition("}")[2] if text.startswith("typedef") else ""
        name = LAST_NAME.search(text)
        if name and ("tag", name.group(1)) not in found:
            found.append(("typedef", name.group(1)))
        return found
    forward = FORWARD.match(text)
    if forward:
        return [("forward" if forward.group(1) == forward.group(2) else "typedef", forward.group(2))]
    if text.startswith("typedef"):
        name = POINTER_NAME.search(text) or LAST_NAME.search(text)
        return [("typedef", name.group(1))] if name else []
    parameters = PARAMETERS.search(text)
    if parameters and "=" not in text:
        # a macro that looks like a call has no type before its name
        return [("prototype", parameters.group(1))] if text[: parameters.start()].strip() else []
    text = text.split("=")[0].strip()
    name = LAST_NAME.search(text)
    if name and len(re.findall(r"\w+", text)) > 1 and not re.match(r"(?:struct|union|enum)\s+\w+$", text):
        return [("variable", name.group(1))]
    return []


@functools.lru_cache(maxsize=None)
def source_of(path, text):
    """A Source, read once however many trees hold it."""
    return Source(path, text)


class Tree:
    """A source tree, all of whose C files have been read."""

    def __init__(self, root):
        self.root = Path(root)
        self.src = self.root / "src"
        self.texts = {}
        paths = sorted(path.relative_to(self.root).as_posix() for path in self.src.rglob("*.[ch]"))
        self.sources = [source_of(path.removeprefix("src/"), self.read(path)) for path in paths]
        self.by_path = {source.path: source for source in self.sources}
        self.header_names = {source.path.rsplit("/")[-1] for source in self.headers()}

    def read(self, path):
        """The text of a file, by its path from the root; None if there is no such file."""
        if path not in self.texts:
            file = self.root / path
            self.texts[path] = file.read_text(encoding="utf-8") if file.is_file() else None
        return self.texts[path]

    def headers(self):
        return [source for source in self.sources if source.is_header]

    def own(self, include):
        """The source that an include names in full, or None."""
        return self.by_path.get(include.name)
