"""The sentences of errors and warnings, and of `say`, in the source of kuamo, read by `ast`.

A message that reaches a `KuamoError`, a warning or `stop` is a template, which is its msgid in `errors.po`:

    given {0!r}; expected {1!s}

Fields are numbered: `{0!r}` is a Python literal, `{0:,}` a number, `{0}` any value and `{1!s}` a sentence, whose own
templates are found too: through variables, helpers that return it and callers that pass it on.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

__all__ = ["Source", "said", "templates"]

PASSED_ON = ("str", "visible", "localized", "translate")
NOUNS = frozenset("answer columns diagnosis file none nothing query read report run space written".split())  # noqa: SIM905
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Scope:
    """A function or a module, in which names are looked up; `parent` is the scope around it."""

    node: ast.AST
    path: str
    owner: str | None = None
    parent: Scope | None = None


class Source:
    """All files: functions, calls and classes by name; names of methods and attributes begin with a dot."""

    def __init__(self, root: Path) -> None:
        self.functions: dict[str, list[Scope]] = defaultdict(list)
        self.calls: dict[str, list[tuple[ast.Call, Scope]]] = defaultdict(list)
        self.raised: list[tuple[ast.Call, Scope]] = []
        self.bases: dict[str, list[str]] = {}
        self.found: dict[str, set[str]] = defaultdict(set)
        self._known: dict[tuple[str, int], list[str]] = {}
        for path in sorted(root.rglob("*.py")):
            tree = ast.parse(path.read_text("utf-8"))
            self._visit(tree, Scope(tree, str(path.relative_to(root))))

    def _visit(self, node: ast.AST, scope: Scope, owner: str | None = None) -> None:
        for child in ast.iter_child_nodes(node):
            inner, of = scope, owner
            match child:
                case ast.ClassDef(name=name, bases=bases):
                    self.bases[name] = [key(base).strip(".") for base in bases]
                    of = name
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    inner, of = Scope(child, scope.path, owner, scope), None
                    self.functions[name if not owner else owner if name == "__init__" else f".{name}"].append(inner)
                case ast.Call(func=func):
                    self.calls[key(func)].append((child, scope))
                case ast.Raise(exc=ast.Call() as call):
                    self.raised.append((call, scope))
            self._visit(child, inner, of)

    def is_ours(self, name: str) -> bool:
        """Is it a class of errors of ours?"""
        return name == "KuamoError" or any(self.is_ours(base) for base in self.bases.get(name, ()))

    def sinks(self) -> Iterator[tuple[ast.expr, Scope]]:
        """Expressions that become the text of an error or a warning."""
        for name, calls in self.calls.items():
            for call, scope in calls:
                if call.args and self._takes(name, scope):
                    yield call.args[0], scope
        for call, scope in self.raised:
            name = key(call.func).strip(".")
            if call.args and not name[:1].isupper() and name not in self.functions:  # a class in a variable
                yield call.args[0], scope

    def _takes(self, name: str, scope: Scope) -> bool:
        if name == ".__init__":
            return bool(scope.owner and self.is_ours(scope.owner))
        return name in (".warn", "stop", "translate") or (self.is_ours(name) and name not in self.functions)

    def texts(self, node: ast.expr | None, scope: Scope) -> list[str]:
        """Templates of an expression, with fields that are not yet numbered; none if it is no text of ours."""
        match node:
            case ast.Constant(value=str(text)):
                return [text.replace("{", "{{").replace("}", "}}")]
            case ast.JoinedStr(values=parts):
                return ["".join(self._part(*pair, scope) for pair in zip(parts, [*parts[1:], None]))]
            case ast.BinOp(op=ast.Add(), left=left, right=right):
                found = [self.texts(side, scope) for side in (left, right)]
                sides = [texts or [f"{{<{ast.unparse(side)}>}}"] for side, texts in zip((left, right), found)]
                return ["".join(pair) for pair in product(*sides)] if any(found) else []
            case ast.IfExp(body=body, orelse=orelse):
                return self.texts(body, scope) + self.texts(orelse, scope)
            case ast.BoolOp(values=values) | ast.Dict(values=values):
                return [text for value in values for text in self.texts(value, scope)]
            case ast.Subscript(value=ast.Dict() | ast.Name() as chosen):
                return self.texts(chosen, scope)
            case ast.Name(id=name):
                return self._once((name, id(scope.node)), lambda: self._named(name, scope))
            case ast.Attribute(value=ast.Name(id="self"), attr=name) if scope.owner in self.functions:
                made = self.functions[scope.owner][0]  # what its maker was given by that name
                return self._once((name, id(made.node)), lambda: self._named(name, made))
            case ast.Call(func=ast.Name(id=name), args=[argument]) if name in PASSED_ON:
                return self.texts(argument, scope)
            case ast.Call(func=func) if key(func) in self.functions:
                return self._once((key(func), 0), lambda: self._returned(key(func)))
        return []

    def _once(self, known: tuple[str, int], find: Callable[[], list[str]]) -> list[str]:
        """Each variable and each function is resolved once; one that asks for itself adds nothing."""
        if known not in self._known:
            self._known[known] = []
            self._known[known] = list(dict.fromkeys(find()))
        return self._known[known]

    def _named(self, name: str, scope: Scope) -> list[str]:
        """What a variable is assigned, or callers pass for it."""
        found = [text for value in assignments(scope.node).get(name, ()) for text in self.texts(value, scope)]
        if not isinstance(scope.node, Function):
            return found
        arguments = scope.node.args
        names = [one.arg for one in (*arguments.posonlyargs, *arguments.args)]
        if name in (*names, *(one.arg for one in arguments.kwonlyargs)):
            return found + self._passed_in(name, names, scope)
        return found if found or not scope.parent else self._named(name, scope.parent)

    def _passed_in(self, name: str, names: list[str], scope: Scope) -> list[str]:
        assert isinstance(scope.node, Function)
        if scope.owner and scope.node.name == "get":  # its callers are those of any mapping
            return []
        bound = bool(scope.owner) and names[:1] in (["self"], ["cls"])
        made = scope.node.name == "__init__"
        own = (scope.owner or "") if made else f".{scope.node.name}" if scope.owner else scope.node.name
        place = names.index(name) - bound if name in names else -1
        found: list[str] = []
        for call, where in self.calls.get(own, []):
            given = {one.arg: one.value for one in call.keywords}.get(name)
            if given is None and 0 <= place < len(call.args):
                given = call.args[place]
            found += self.texts(given, where)
        return found

    def _returned(self, name: str) -> list[str]:
        pairs = [(node, scope) for scope in self.functions[name] for node in nodes_of(scope.node)]
        return [text for node, scope in pairs if isinstance(node, ast.Return) for text in self.texts(node.value, scope)]

    def _part(self, part: ast.expr, following: ast.expr | None, scope: Scope) -> str:
        if isinstance(part, ast.Constant):
            return str(part.value).replace("{", "{{").replace("}", "}}")
        assert isinstance(part, ast.FormattedValue)
        name = f"<{ast.unparse(part.value)}>"
        if part.conversion == ord("r") or key(getattr(part.value, "func", None)) == "shorten":
            return f"{{{name}!r}}"
        if part.format_spec is not None:
            return f"{{{name}:{ast.unparse(part.format_spec)[2:-1]}}}"
        if str(getattr(following, "value", "")).startswith("="):  # an argument's name, which is not translated
            return f"{{{name}}}"
        inner = [text for text in self.texts(part.value, scope) if is_prose(text)]
        for text in inner:
            self.add(text, f"{scope.path}:{part.lineno}")
        sentence = inner or self._is_error(part.value, scope) or part.conversion == ord("s") or "strerror" in name
        return f"{{{name}!s}}" if sentence else f"{{{name}}}"

    def _is_error(self, node: ast.expr, scope: Scope) -> bool:
        """Is it a caught error of ours?"""
        kinds = [
            one.type
            for one in nodes_of(scope.node)
            if isinstance(one, ast.ExceptHandler) and isinstance(node, ast.Name) and one.name == node.id and one.type
        ]
        return any(self.is_ours(key(one).strip(".")) for kind in kinds for one in ast.walk(kind))

    def add(self, text: str, place: str) -> None:
        if is_prose(text):
            self.found[numbered(text)].add(place)


def key(node: ast.AST | None) -> str:
    """The name of what is called; one that begins with "." is an attribute."""
    return node.id if isinstance(node, ast.Name) else f".{node.attr}" if isinstance(node, ast.Attribute) else ""


@cache
def nodes_of(tree: ast.AST) -> list[ast.AST]:
    """All nodes of a function or a module, walked once."""
    return list(ast.walk(tree))


@cache
def assignments(tree: ast.AST) -> dict[str, list[ast.expr]]:
    """The values that each variable is given."""
    found: dict[str, list[ast.expr]] = defaultdict(list)
    for node in nodes_of(tree):
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AugAssign(target=ast.Name(id=name), value=value)
                | ast.NamedExpr(target=ast.Name(id=name), value=value)
            ):
                found[name].append(value)
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                for one, value in zip(names, values):
                    found[key(one)].append(value)
    return found


@cache
def source_of(root: Path) -> Source:
    """All files below a folder, read once."""
    return Source(root)


def numbered(text: str) -> str:
    """Fields by number, a number for each expression."""
    numbers: dict[str, int] = {}
    return re.sub(r"<((?:(?!>[!:}]).)*)>(?=[!:}])", lambda found: str(numbers.setdefault(found[1], len(numbers))), text)


def is_prose(text: str) -> bool:
    """Is it words for people? Single words are only those of a list; others are names and commands."""
    words = re.sub(r"{<.*?>(!.|:.*?)?}|{.*?}", "", text)
    return text in NOUNS or bool(re.search("[a-zA-Z]{2}", words) and " " in text and not re.fullmatch("`[^`]*`", text))


def templates(root: Path) -> dict[str, list[str]]:
    """Template of an error or a warning → places where it is used."""
    source = source_of(root)
    for node, scope in source.sinks():
        for text in source.texts(node, scope):
            source.add(text, f"{scope.path}:{node.lineno}")
    return {text: sorted(places) for text, places in sorted(source.found.items())}


def said(root: Path) -> dict[str, list[str]]:
    """Message of `say` → places where it is used."""
    source, found = source_of(root), defaultdict(set)
    named = [call for name in ("say", "deferred") for call in source.calls[name]]
    mapped = [(call, scope) for call, scope in source.calls["map"] if key(call.args[0]) in ("say", "deferred")]
    given = [(one, scope) for call, scope in mapped for one in getattr(call.args[1], "elts", ())]
    for node, scope in [*((call.args[0], scope) for call, scope in named), *given]:
        values = assignments(scope.node).get(node.id, []) if isinstance(node, ast.Name) else [node]
        for text in (
            text for value in values if isinstance(value, ast.Constant) for text in source.texts(value, scope)
        ):
            found[text.replace("{{", "{").replace("}}", "}")].add(f"{scope.path}:{node.lineno}")
    return {text: sorted(places) for text, places in sorted(found.items())}
