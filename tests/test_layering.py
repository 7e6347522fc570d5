"""The house keeps its order: who may import whom, and how long a room may be.

Reads every file of the package as a syntax tree; nothing of it is imported or run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import pytest

SRC = Path(__file__).parent.parent / "src"
FILES = sorted((SRC / "rawws").rglob("*.py"))

# Modules of a row may import those of the rows before it, and, without a cycle, each other.
CORE_ROWS = (
    ("errors", "record", "http", "rawws._speedups"),
    ("close", "limits", "events", "url", "origin", "masking", "extensions", "fields", "opcodes"),
    ("deflate*",),
    ("frames*", "assembly", "encoder"),
    ("handshake*", "head"),
    ("conversation", "protocol*"),
)
# Which parts of rawws each part may import beside itself; "" is the package's own top module.
PARTS = {
    "core": set[str](),
    "transport": {"core"},
    "": {"core", "transport"},
    "testing": {"core", "transport", ""},
    "cli": {"core", "transport", "", "testing"},
    "chat": {""},
    "__main__": {"cli"},
}
NOT_IN_CORE = {
    *("trio", "anyio", "asyncio", "socket", "ssl", "select", "selectors", "threading"),
    *("time", "datetime", "logging", "random"),
}
ONLY_IN_CORE = {"h11", "wsproto"}  # and in the fuzzing tools, which compare with them
MAX_FILE_LINES = 400
MAX_BODY_LINES = 60


@dataclass(frozen=True)
class Imported:
    """One name brought in: `from module import name`, or `import module` with no name."""

    module: str
    name: str
    bound: str  # what it is called in the file
    line: int

    @property
    def package(self) -> str:
        return self.module.partition(".")[0]


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(), str(file))


def module_of(file: Path) -> str:
    parts = file.relative_to(SRC).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(file): file for file in FILES}


def part_of(module: str) -> str:
    """ "core" for rawws.core.frames, "" for rawws itself; what is in C is core's."""
    part = module.split(".")[1] if "." in module else ""
    return "core" if part == "_speedups" else part


def imports(file: Path) -> Iterator[Imported]:
    """All imports of a file, the relative ones made absolute."""
    package = module_of(file).split(".")
    if file.name != "__init__.py":
        package.pop()
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                bound = alias.asname or alias.name.partition(".")[0]
                yield Imported(alias.name, "", bound, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*above, *filter(None, [node.module])])
            for alias in node.names:
                inner = f"{source}.{alias.name}"
                is_module = inner in MODULES  # `from . import frames`
                module, name = (inner, "") if is_module else (source, alias.name)
                yield Imported(module, name, alias.asname or alias.name, node.lineno)


def row(module: str) -> int:
    """The place in core's order; -1 for the package `core` itself."""
    name = module.removeprefix("rawws.core").removeprefix(".")
    for index, patterns in enumerate(CORE_ROWS):
        if any(fnmatchcase(name, pattern) for pattern in patterns):
            return index
    assert not name, f"core/{name}.py has no place in CORE_ROWS"
    return -1


def report(file: Path, problems: Iterator[tuple[int, str]]) -> None:
    lines = [f"{file.relative_to(SRC.parent)}:{line}: {what}" for line, what in sorted(problems)]
    assert not lines, "\n" + "\n".join(lines)


every_file = pytest.mark.parametrize("file", FILES, ids=lambda file: module_of(file))


@every_file
def test_imports_follow_the_order_of_the_house(file: Path) -> None:
    module = module_of(file)
    part = part_of(module)
    assert part in PARTS, f"{part} has no place in PARTS"

    def problems() -> Iterator[tuple[int, str]]:
        for each in imports(file):
            if each.package == "rawws":
                other = part_of(each.module)
                if other != part and other not in PARTS[part]:
                    yield each.line, f"{part or 'rawws'} may not import {each.module}"
                if part == other == "core" and row(each.module) > row(module):
                    yield each.line, f"{each.module} stands above {module}"
            if part == "core" and each.package in NOT_IN_CORE:
                yield each.line, f"core is sans-IO and may not import {each.package}"
            if part not in {"core", "testing", "cli"} and each.package in ONLY_IN_CORE:
                yield each.line, f"{each.package} is core's own"

    report(file, problems())


def test_modules_import_each_other_without_a_cycle() -> None:
    graph = {
        module: {each.module for each in imports(file) if each.module in MODULES} - {module}
        for module, file in MODULES.items()
    }
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join([*path[path.index(module) :], module])
        if module not in done:
            for other in sorted(graph[module]):
                visit(other, (*path, module))
            done.add(module)

    for module in graph:
        visit(module, ())


@every_file
def test_imports_stand_at_the_top_and_name_what_they_bring(file: Path) -> None:
    definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    definitions = [node for node in ast.walk(tree(file)) if isinstance(node, definition)]
    first = min((node.lineno for node in definitions), default=10**6)
    inner = {id(node) for each in definitions for node in ast.walk(each)}

    def problems() -> Iterator[tuple[int, str]]:
        for node in ast.walk(tree(file)):
            if not isinstance(node, ast.Import | ast.ImportFrom):
                continue
            if id(node) in inner:
                yield node.lineno, "import inside a function or class"
            elif node.lineno > first:
                yield node.lineno, "import below a definition"
            if any(alias.name == "*" for alias in node.names):
                yield node.lineno, "star import"

    report(file, problems())


@every_file
def test_no_private_name_of_another_package_is_used(file: Path) -> None:
    part = part_of(module_of(file))
    annotations = {  # typeshed has types that no public name reaches, such as zlib._Compress
        id(inner)
        for node in ast.walk(tree(file))
        for child in (getattr(node, "annotation", None), getattr(node, "returns", None))
        if child is not None
        for inner in ast.walk(child)
    }
    foreign = [
        each for each in imports(file) if each.package != "rawws" or part_of(each.module) != part
    ]

    def is_private(name: str) -> bool:
        return name.startswith("_") and not name.startswith("__")

    def problems() -> Iterator[tuple[int, str]]:
        for each in foreign:
            if any(is_private(name) for name in [*each.module.split("."), each.name]):
                yield each.line, f"{each.module} {each.name} is private"
        names = {each.bound for each in foreign}
        for node in ast.walk(tree(file)):
            if (
                isinstance(node, ast.Attribute)
                and is_private(node.attr)
                and id(node) not in annotations
                and isinstance(node.value, ast.Name)
                and node.value.id in names
            ):
                yield node.lineno, f"{node.value.id}.{node.attr} is private"

    report(file, problems())


@every_file
def test_files_and_functions_hold_one_idea(file: Path) -> None:
    def problems() -> Iterator[tuple[int, str]]:
        lines = len(file.read_text().splitlines())
        if lines > MAX_FILE_LINES:
            yield lines, f"{lines} lines in the file, {MAX_FILE_LINES} allowed"
        for node in ast.walk(tree(file)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) is not None else node.body
                length = body[-1].end_lineno - body[0].lineno + 1 if body else 0
                if length > MAX_BODY_LINES:
                    yield node.lineno, f"{node.name} has {length} lines, {MAX_BODY_LINES} allowed"

    report(file, problems())
