"""Checks of the include lines: who includes whom, and in which order."""

import plan
from source import Fault


def is_postgres_first(name):
    return name in ("postgres.h", "c.h", "postgres_fe.h")


def is_postgres(tree, include):
    """A header of PostgreSQL: PostgreSQL's are quoted like ours, the system's and libraries' are not."""
    return is_postgres_first(include.name) or (include.is_quoted and not is_own(tree, include))


def is_own(tree, include):
    """A header of ours, even if it is named wrongly or does not exist."""
    parts = include.name.split("/")
    if parts[0] in plan.ROOMS or parts[0] in (".", ".."):
        return True
    return include.is_quoted and include.name in tree.header_names


def check_names(tree):
    """an own header is included as "folder/file.h", and exists"""
    for source in tree.sources:
        for include in source.includes:
            if not is_own(tree, include):
                continue
            parts = include.name.split("/")
            if not include.is_quoted or len(parts) != 2 or parts[0] not in plan.ROOMS or not parts[1].endswith(".h"):
                yield source.fault(include.line, f'{include.name} is not included as "folder/file.h"')
            elif not tree.own(include):
                yield source.fault(include.line, f"src/{include.name} does not exist")


def check_order(tree):
    """includes stand in order: postgres.h, the system's, PostgreSQL's, own"""
    names = ("postgres.h", "the system's headers", "PostgreSQL's headers", "own headers")
    for source in tree.sources:
        highest = 0
        for include in source.includes:
            if is_postgres_first(include.name):
                rank = 0
            elif is_own(tree, include):
                rank = 3
            else:
                rank = 2 if include.is_quoted else 1
            if rank < highest:
                yield source.fault(include.line, f"{include.name} stands after {names[highest]}")
            highest = max(highest, rank)


def check_arrows(tree):
    """a room includes itself and the rooms below it"""
    for source in tree.sources:
        if source.room is None:
            continue
        for include in source.includes:
            target = tree.own(include)
            if target is None or target.room is None or target.room == source.room:
                continue
            here, there = plan.step_of(source.room), plan.step_of(target.room)
            if here is None or there is None or there > here:
                continue  # (check_rooms speaks of a folder that is no room)
            how = "stands beside it" if here == there else "stands above it"
            yield source.fault(include.line, f"{source.room} includes {include.name}, but {target.room} {how}")


def check_rooms(tree):
    """src/ holds the rooms of the plan, and fpgo.c alone beside them"""
    for source in tree.sources:
        if source.room is None and source.path != plan.ENTRY:
            yield source.fault(0, f"only {plan.ENTRY} stands at the top of src/")
        elif source.room is not None and source.path.count("/") > 1:
            yield source.fault(0, "a room has no folders")
        elif source.room is not None and source.room not in plan.ROOMS:
            yield source.fault(0, f"{source.room} is no room of the plan")


def check_circles(tree):
    """no circle among files, a .c and its .h taken as one"""
    arrows = module_arrows(tree)
    for circle in circles(arrows):
        path = shortest_way_round(arrows, circle)
        source, include = arrows[path[0]][path[1]]
        yield source.fault(include.line, f"circle of {len(circle)} files: {' -> '.join(path)}")


def module_arrows(tree):
    """module -> {included module: (source, include)}"""
    arrows = {source.module: {} for source in tree.sources}
    for source in tree.sources:
        for include in source.includes:
            target = tree.own(include)
            if target and target.module != source.module:
                arrows[source.module].setdefault(target.module, (source, include))
    return arrows


def reachable(arrows, start):
    seen = set()
    left = [start]
    while left:
        for module in arrows[left.pop()]:
            if module not in seen:
                seen.add(module)
                left.append(module)
    return seen


def circles(arrows):
    """Sets of modules that reach each other, each once."""
    reach = {module: reachable(arrows, module) for module in arrows}
    done = set()
    for module in sorted(arrows):
        if module in reach[module] and module not in done:
            circle = {other for other in reach[module] if module in reach[other]}
            done |= circle
            yield circle


def shortest_way_round(arrows, circle):
    """From the first module of a circle back to itself."""
    first = min(circle)
    ways = [[first]]
    seen = set()
    for way in ways:  # grows while it is walked: breadth first
        for module in sorted(arrows[way[-1]]):
            if module == first:
                return [*way, first]
            if module in circle and module not in seen:
                seen.add(module)
                ways.append([*way, module])
    raise AssertionError("a circle has a way round")


def reaches(tree, source, wanted, seen=None):
    """Does a header include, itself or through own headers, one that wanted() wants?"""
    seen = set() if seen is None else seen
    if source.path in seen:
        return False
    seen.add(source.path)
    for include in source.includes:
        target = tree.own(include)
        if wanted(include) or (target and reaches(tree, target, wanted, seen)):
            return True
    return False


def drawn_in(tree, source, wanted, is_inside):
    """Includes of a source by which a wanted header comes in.

    Own headers that are themselves inside the same fence are left out: they are judged on their own.
    """
    for include in source.includes:
        target = tree.own(include)
        if wanted(include):
            yield include
        elif target and not is_inside(target.path) and reaches(tree, target, wanted):
            yield include


def check_doors(tree):
    """libcurl and json-c are included by their doors alone"""
    for library, (beginnings, door) in plan.DOORS.items():

        def wanted(include):
            return not is_own(tree, include) and include.name.startswith(beginnings)

        def is_outside(path):
            return not path.startswith(door)

        for source in tree.sources:
            if is_outside(source.path):
                for include in drawn_in(tree, source, wanted, is_outside):
                    yield source.fault(include.line, f"{include.name} brings {library} in, outside of {door}*")


def check_purity(tree):
    """a pure file includes nothing of PostgreSQL's"""
    for source in tree.sources:
        if plan.is_pure(source.path):
            for include in drawn_in(tree, source, lambda i: is_postgres(tree, i), plan.is_pure):
                yield source.fault(include.line, f"{include.name} brings PostgreSQL into a pure file")


def check_pure_exist(tree):
    """each file that the plan calls pure exists"""
    for pure in plan.PURE:
        if not any(plan.matches(pure, source.path) for source in tree.sources):
            yield Fault(f"src/{pure}", 0, "is pure by test/house/plan.py, but does not exist")


CHECKS = (
    check_rooms,
    check_names,
    check_order,
    check_arrows,
    check_circles,
    check_doors,
    check_purity,
    check_pure_exist,
)
