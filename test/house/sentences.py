"""Checks that no sentence is too long: in the Markdown files, and in the comments of C files and of the scripts.

A text is a list of (line, words of that line).  It ends where a paragraph, an item of a list or a heading ends.
Within it, a sentence ends at one of . : ; ? ! with white space after it.
"""

import re

import plan
from papers import HEADING, INLINE_CODE, LINK, pages
from source import COMMENT_OR_STRING, Fault, blank

ITEM = re.compile(r"\s*(?:[-*+]|\d+[.)])\s+")
SENTENCE_END = re.compile(r"""[.:;?!][)\]"'*_]*$""")
ROW = re.compile(r"""[^\s.:;?!)\]"'*_](?: {2,}|\t+)\S""")  # of a table, as text
SQL_TOKEN = re.compile(r"(/\*.*?\*/|--[^\n]*(?:\n[ \t]*--[^\n]*)*)|\$(\w*)\$.*?\$\2\$|'(?:''|[^'])*'", re.DOTALL)
SQL_COMMENT_ON = re.compile(r"\bCOMMENT\s+ON\b[^']*?\bIS\s+((?:'(?:''|[^'])*'\s*)+);")
SQL_LITERAL = re.compile(r"'((?:''|[^'])*)'")


def sentences(text):
    """(line, words) of the sentences of a text"""
    start, found = 0, []
    for line, words in text:
        for word in words:
            start = start or line
            if re.search(r"\w", word):
                found.append(word)
            if SENTENCE_END.search(word):
                yield start, found
                start, found = 0, []
    if found:
        yield start, found


def texts_of_page(page):
    """The texts of a Markdown file, without its code, its tables, and where its links lead."""
    prose = "\n".join(page.prose)
    prose = INLINE_CODE.sub(lambda m: "code" + "\n" * m.group().count("\n"), prose)
    prose = LINK.sub(lambda m: "]" + "\n" * m.group().count("\n"), prose)
    text, after_blank, in_list = [], True, False
    for number, line in enumerate(prose.split("\n"), 1):
        is_item = ITEM.match(line)
        is_indented = line.startswith(("    ", "\t"))
        is_code = is_indented and not in_list and after_blank
        if is_item or is_code or not line.strip() or line.startswith("|") or HEADING.match(line):
            yield text
            text = []
        if line.strip() and not is_code and not line.startswith("|"):
            text.append((number, ITEM.sub("", line, 1).split() if is_item else line.lstrip("#> ").split()))
            in_list = bool(is_item) or (in_list and (not after_blank or line.startswith(" ")))
            if HEADING.match(line):
                yield text
                text = []
        after_blank = is_code or not line.strip()
    yield text


def texts_of_comment(line, comment):
    """The texts of a comment of C or SQL, which begins in that line.

    A line that is indented otherwise than the one before it begins a new text.  A row of a table is one.
    """
    text, indented = [], None
    for number, content in enumerate(comment.split("\n"), line):
        content = re.sub(r"^\s*(?:/\*|\*/|\*|//|--)(?:\s*\*/$| ?)", "", content).removesuffix("*/")
        is_item = ITEM.match(content)
        words = (ITEM.sub("", content, 1) if is_item else content).split()
        indent = re.match(r"\s*", content).group()
        is_row = ROW.search(content)
        if is_item or is_row or not words or indented not in (None, indent):
            yield text
            text = []
        text.append((number, words))
        indented = None if number == line or is_item or is_row else indent
        if is_row:
            yield text
            text = []
    yield text


def texts_of_source(text):
    """The texts of all comments of a C file."""
    for match in COMMENT_OR_STRING.finditer(text):
        if match.group().startswith("/"):
            yield from texts_of_comment(line_at(text, match.start()), match.group())


def texts_of_script(text):
    """The texts of all comments of a SQL script, and of what it says in COMMENT ON."""
    for match in SQL_TOKEN.finditer(text):
        if match.group(1):
            yield from texts_of_comment(line_at(text, match.start()), match.group())
    for match in SQL_COMMENT_ON.finditer(SQL_TOKEN.sub(lambda m: blank(m) if m.group(1) else m.group(), text)):
        said = []
        for literal in SQL_LITERAL.finditer(match.group(1)):
            line = line_at(text, match.start(1) + literal.start())
            said.append((line, literal.group(1)))
        yield from texts_of_literals(said)


def texts_of_literals(literals):
    """One text of literals that SQL joins; a word may begin in one and end in the next."""
    words, joined = [], ""
    for line, content in literals:
        content = joined + content
        split = content.split()
        joined = split.pop() if split and not content[-1:].isspace() else ""
        words.append((line, split))
    yield words + ([(literals[-1][0], [joined])] if joined else [])


def line_at(text, offset):
    return text.count("\n", 0, offset) + 1


def too_long(path, texts):
    for text in texts:
        for line, words in sentences(text):
            if len(words) > plan.SENTENCE_WORDS:
                start = " ".join(words[:6])
                yield Fault(path, line, f"sentence of {len(words)} words, more than {plan.SENTENCE_WORDS}: {start}")


def check_page_sentences(tree):
    """no sentence of a Markdown file has more than 30 words"""
    for path, page in pages(tree).items():
        yield from too_long(path, texts_of_page(page))


def check_comment_sentences(tree):
    """no sentence in a comment of a C file has more than 30 words"""
    for source in tree.sources:
        yield from too_long(source.shown, texts_of_source(tree.read(source.shown)))


def check_script_sentences(tree):
    """no sentence of a SQL script's comments and COMMENTs has more than 30 words"""
    for file in sorted(tree.src.glob("*.sql")):
        path = f"src/{file.name}"
        yield from too_long(path, texts_of_script(tree.read(path)))


CHECKS = (check_page_sentences, check_comment_sentences, check_script_sentences)
