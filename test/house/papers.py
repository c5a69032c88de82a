"""Checks of the Markdown files: which there are, how long they are, and that their links lead somewhere."""

import functools
import os
import re
from urllib.parse import unquote

import plan
from source import Fault

FENCE = re.compile(r"^ {0,3}(```+|~~~+)")
HEADING = re.compile(r"^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$")
INLINE_CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)", re.DOTALL)
LINK = re.compile(r'\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)')
DEFINITION = re.compile(r"^ {0,3}\[[^\]]+\]:\s*<?([^\s>]+)>?", re.MULTILINE)
ADDRESS = re.compile(r"https?://\S+")
SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
ANCHOR = re.compile(r'<a\s+(?:name|id)="([^"]+)"')
NOT_OURS = (".git", "tmp_check", "results", "output_iso", "build", "log")


class Page:
    """A Markdown file.  Its lines of code blocks are blank in prose, where each line keeps its number."""

    def __init__(self, path, text):
        self.path = path
        self.lines = text.splitlines()
        self.prose = []
        fence = ""
        for line in self.lines:
            mark = FENCE.match(line)
            if fence:
                if mark and mark.group(1).startswith(fence) and not line.strip().strip(fence[0]):
                    fence = ""
                self.prose.append("")
            elif mark:
                fence = mark.group(1)
                self.prose.append("")
            else:
                self.prose.append(line)
        self.anchors = set(ANCHOR.findall("\n".join(self.prose)))
        counts = {}
        for _, _, title in self.headings():
            name = slug(title)
            again = counts.get(name, 0)
            counts[name] = again + 1
            self.anchors.add(f"{name}-{again}" if again else name)

    def headings(self):
        """(line, level, title)"""
        for number, line in enumerate(self.prose, 1):
            match = HEADING.match(line)
            if match:
                yield number, len(match.group(1)), match.group(2)

    @functools.cached_property
    def links(self):
        """(line, destination), of all"""
        found = []
        text = INLINE_CODE.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), "\n".join(self.prose))
        for pattern in (LINK, DEFINITION):
            for match in pattern.finditer(text):
                found.append((text.count("\n", 0, match.start(1)) + 1, match.group(1)))
        return found


def slug(title):
    """The anchor that a heading gets where Markdown is shown, without the number of a second one of the same name."""
    title = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", title)
    title = re.sub(r"[^\w\- ]", "", title.lower())
    return title.replace(" ", "-")


page_of = functools.lru_cache(maxsize=None)(Page)


@functools.lru_cache(maxsize=None)
def pages(tree):
    """path -> Page, of all Markdown files"""
    found = {}
    for folder, names, files in os.walk(tree.root):
        names[:] = sorted(name for name in names if name not in NOT_OURS)
        for name in sorted(files):
            if name.endswith(".md"):
                path = os.path.relpath(os.path.join(folder, name), tree.root)
                found[path] = page_of(path, tree.read(path))
    return found


def check_room_pages(tree):
    """each room has a README.md"""
    for path in ["src/README.md"] + [f"src/{room}/README.md" for room in plan.ROOMS]:
        if tree.read(path) is None:
            yield Fault(path, 0, "does not exist")


def check_room_files(tree):
    """the README.md of a room names each of the room's files"""
    for source in tree.sources:
        path = f"src/{source.room}/README.md"
        text = tree.read(path) if source.room in plan.ROOMS else None
        name = source.module.split("/")[-1]
        if text is not None and not re.search(rf"`{re.escape(name)}(?:\.[ch])?`", text):
            yield Fault(path, 0, f"does not name {name}")


def check_readme(tree):
    """README.md has at most 500 lines of at most 100 columns"""
    text = tree.read("README.md")
    if text is None:
        yield Fault("README.md", 0, "does not exist")
        return
    page = page_of("README.md", text)
    if len(page.lines) > plan.README_LINES:
        yield Fault("README.md", 0, f"has {len(page.lines)} lines, more than {plan.README_LINES}")
    for number, line in enumerate(page.prose, 1):
        columns = 0 if line.startswith(("|", "    ", "\t")) else len(ADDRESS.sub("", LINK.sub("]", line)))
        if columns > plan.README_COLUMNS:
            yield Fault("README.md", number, f"has {columns} columns, more than {plan.README_COLUMNS}")


def check_doc_lengths(tree):
    """a page of src/doc has at most 300 lines"""
    for path, page in pages(tree).items():
        if path.startswith("src/doc/") and len(page.lines) > plan.DOC_LINES:
            yield Fault(path, 0, f"has {len(page.lines)} lines, more than {plan.DOC_LINES}")


def check_links(tree):
    """a link to a file or a heading of ours leads to one"""
    known = pages(tree)
    for path, page in known.items():
        for line, destination in page.links:
            if not SCHEME.match(destination):
                trouble = why_dead(tree, known, path, unquote(destination))
                if trouble:
                    yield Fault(path, line, f"link to {destination}: {trouble}")


def why_dead(tree, known, path, destination):
    name, mark, anchor = destination.partition("#")
    target = os.path.normpath(os.path.join(os.path.dirname(path), name)) if name else path
    if os.path.isabs(name) or target.startswith(".."):
        return "leads out of the tree"
    if not (tree.root / target).exists():
        return f"{target} does not exist"
    if mark and (target not in known or anchor not in known[target].anchors):
        return f'{target} has no heading "{anchor}"'
    return None


ARROWS = "src/README.md"


def check_arrow_table(tree):
    """the table of arrows in src/README.md says what the plan says"""
    text = tree.read(ARROWS)
    if text is None:
        return  # (check_room_pages speaks of that)
    rows = list(table_below(page_of(ARROWS, text), "Arrows"))
    if not rows:
        yield Fault(ARROWS, 0, 'has no table under a heading "Arrows"')
        return
    missing = {plan.ENTRY, *plan.ROOMS}
    for line, cells in rows:
        for room in words(cells[0]):
            if room not in missing:
                yield Fault(ARROWS, line, f"{room} is no room, or has a row already")
                continue
            missing.remove(room)
            below = below_of(room)
            if words(cells[1]) != below:
                yield Fault(ARROWS, line, f"the step below {room} is: {', '.join(sorted(below)) or 'nothing'}")
    for room in sorted(missing):
        yield Fault(ARROWS, 0, f"the table of arrows has no row for {room}")


def below_of(room):
    """The rooms of the step right below a room."""
    step = -1 if room == plan.ENTRY else plan.step_of(room)
    return set(plan.STEPS[step + 1]) if step + 1 < len(plan.STEPS) else set()


def words(cell):
    return set(re.findall(r"[a-z][a-z_.]*", cell.lower())) - {"nothing", "none", "and"}


def table_below(page, title):
    """(line, cells) of the rows of the first table under a heading, without the table's head."""
    start = next((number for number, _, name in page.headings() if name == title), None)
    if start is None:
        return
    rows = []
    for number, line in enumerate(page.prose[start:], start + 1):
        if line.startswith("|"):
            rows.append((number, [cell.strip() for cell in line.strip("| ").split("|")]))
        elif rows or HEADING.match(line):
            break
    for number, cells in rows[2:]:
        yield number, (cells + [""])[:2]


CHECKS = (
    check_room_pages,
    check_room_files,
    check_readme,
    check_doc_lengths,
    check_links,
    check_arrow_table,
)
