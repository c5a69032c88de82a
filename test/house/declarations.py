"""Checks of what the C files declare: one name for one thing, each declared in one place."""

import re

import plan

GUARD = re.compile(r"\s*#ifndef (\w+)\n#define (\w+)\n(?s:.*)#endif\s*$")
SERVER_VERSION = re.compile(r"\bPG_(?:MAJOR)?VERSION(?:_NUM)?\b")


def check_types(tree):
    """a name is that of one public type"""
    first = {}
    for source in tree.headers():
        here = set()
        for declaration in source.declarations:
            if declaration.kind not in ("tag", "typedef"):
                continue
            name = declaration.name
            if name in first and name not in here:
                yield source.fault(declaration.line, f"type {name} is also defined at {first[name]}")
            first.setdefault(name, f"{source.shown}:{declaration.line}")
            here.add(name)


def check_functions(tree):
    """a public function is declared in one header"""
    first = {}
    for source in tree.headers():
        here = set()  # two branches of an #if may declare the same
        declared = [(d.name, d.line) for d in source.declarations if d.kind == "prototype"]
        for name, line in declared + [(f.name, f.line) for f in source.functions]:
            if name in first and name not in here:
                yield source.fault(line, f"function {name} is also declared at {first[name]}")
            first.setdefault(name, f"{source.shown}:{line}")
            here.add(name)


def check_prototypes(tree):
    """a .c file declares nothing that another one defines"""
    homes = {name: source for source in tree.sources if not source.is_header for name in defined(source)}
    for source in tree.sources:
        if source.is_header:
            continue
        own = defined(source)
        for declaration in source.declarations:
            name = declaration.name
            is_foreign = declaration.kind == "prototype" or declaration.is_extern
            if is_foreign and not declaration.is_static and name not in own and name in homes:
                home = homes[name].shown
                yield source.fault(declaration.line, f"{name} of {home} is declared here and not in a header")


def defined(source):
    """Names of the functions and variables that a .c file gives to others."""
    functions = {f.name for f in source.functions if not f.is_static}
    variables = {
        d.name for d in source.declarations if d.kind == "variable" and not d.is_static and not d.is_extern
    }
    return functions | variables


def check_guards(tree):
    """a header has the include guard FPGO_<FILE>_H, and no other header has it too"""
    first = {}
    for source in tree.headers():
        guard = "FPGO_" + source.module.rsplit("/")[-1].upper() + "_H"
        match = GUARD.match(source.no_strings)
        if not match or match.group(1) != guard or match.group(2) != guard:
            yield source.fault(0, f"has no include guard {guard} around all of it")
        elif guard in first:
            yield source.fault(0, f"has the include guard of {first[guard]}")
        first.setdefault(guard, source.shown)


def check_server_versions(tree):
    """PostgreSQL's version is asked for in base/compat.h alone"""
    for source in tree.sources:
        if source.path != plan.COMPAT:
            for match in SERVER_VERSION.finditer(source.no_strings):
                yield source.fault(source.line_of(match.start()), f"{match.group()} outside of src/{plan.COMPAT}")


def check_file_lengths(tree):
    """a file has at most 700 lines"""
    for source in tree.sources:
        if source.n_lines > plan.FILE_LINES:
            yield source.fault(0, f"has {source.n_lines} lines, more than {plan.FILE_LINES}")


def check_function_lengths(tree):
    """a function has at most 100 lines between its braces"""
    for source in tree.sources:
        for function in source.functions:
            if function.body_lines > plan.FUNCTION_LINES:
                message = f"{function.name} has {function.body_lines} lines, more than {plan.FUNCTION_LINES}"
                yield source.fault(function.line, message)


CHECKS = (
    check_types,
    check_functions,
    check_prototypes,
    check_guards,
    check_server_versions,
    check_file_lengths,
    check_function_lengths,
)
