"""Runs the small part of Go in which tables of test data are written. The parser is tree-sitter's.

Strings, numbers, lists, maps, structs, calls, `for` and `if` are understood. Whatever else is met raises
GoError with the line, so nothing is left out unseen.
"""

import ast
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import Any

import tree_sitter_go
from attrs import field, frozen
from tree_sitter import Language, Node, Parser

GO = Language(tree_sitter_go.language())
Native = Callable[..., Any]
Scope = MutableMapping[str, Any]
BINARY: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "/": operator.floordiv,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "&&": lambda left, right: left and right,
    "||": lambda left, right: left or right,
}
CONSTANTS: Mapping[str, Any] = {"nil": None, "true": True, "false": False}


class GoError(Exception):
    """Something in the sources that is outside the part understood here."""

    def __init__(self, node: Node, problem: str) -> None:
        super().__init__(f"line {node.start_point.row + 1}: {problem}: {_text(node)[:120]!r}")


class _Return(Exception):  # noqa: N818 - control flow
    def __init__(self, value: Any) -> None:
        self.value = value


class _Continue(Exception):  # noqa: N818 - control flow
    pass


def _text(node: Node | None) -> str:
    return node.text.decode() if node is not None and node.text is not None else ""


def _parts(node: Node) -> list[Node]:
    return [child for child in node.named_children if child.type != "comment"]


@frozen
class GoPackage:
    """The functions and the constants of one package, worked out when they are asked for.

    `natives` stand for what is imported, under the name that the sources call it by (`strings.Repeat`);
    they also replace functions of the package itself.
    """

    functions: Mapping[str, Node]
    values: Mapping[str, Node]
    natives: Mapping[str, Native]
    known: Scope = field(factory=dict)

    @classmethod
    def parsed(cls, sources: Iterable[bytes], natives: Mapping[str, Native]) -> "GoPackage":
        functions: dict[str, Node] = {}
        values: dict[str, Node] = {}
        for source in sources:
            for node in _parts(Parser(GO).parse(source).root_node):
                if node.type == "function_declaration":
                    functions[_text(node.child_by_field_name("name"))] = node
                for spec in _specs(node):
                    values[_text(spec.child_by_field_name("name"))] = spec
        return cls(functions, values, natives)

    def call(self, name: str, *arguments: Any) -> Any:
        if name in self.natives:
            return self.natives[name](*arguments)
        return self._call(self.functions[name], {}, *arguments)

    def _call(self, function: Node, around: Scope, *arguments: Any) -> Any:
        scope = {**around, **dict(zip(self._parameters(function), arguments, strict=True))}
        try:
            self._run(function.child_by_field_name("body"), scope)
        except _Return as done:
            return done.value
        return None

    def _parameters(self, function: Node) -> Iterator[str]:
        declared = function.child_by_field_name("parameters")
        for parameter in _parts(declared) if declared else ():
            for name in parameter.children_by_field_name("name"):
                yield _text(name)

    # Statements

    def _run(self, node: Node | None, scope: Scope) -> None:
        if node is None:
            return
        run = getattr(self, f"_run_{node.type}", None)
        if run is None:
            raise GoError(node, f"{node.type} is not understood")
        run(node, scope)

    def _run_block(self, node: Node, scope: Scope) -> None:
        for statement in _parts(node):
            self._run(statement, scope)

    _run_statement_list = _run_block

    def _run_expression_statement(self, node: Node, scope: Scope) -> None:
        for expression in _parts(node):
            self.value(expression, scope)

    def _run_return_statement(self, node: Node, scope: Scope) -> None:
        values = [self.value(part, scope) for listed in _parts(node) for part in _parts(listed)]
        raise _Return(values[0] if values else None)

    def _run_continue_statement(self, node: Node, scope: Scope) -> None:
        raise _Continue

    def _run_short_var_declaration(self, node: Node, scope: Scope) -> None:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None:
            raise GoError(node, "not an assignment")
        for name, value in zip(_parts(left), _parts(right), strict=True):
            if name.type != "identifier":
                raise GoError(node, "only names are assigned to")
            scope[_text(name)] = self.value(value, scope)

    _run_assignment_statement = _run_short_var_declaration

    def _run_var_declaration(self, node: Node, scope: Scope) -> None:
        for spec in _specs(node):
            scope[_text(spec.child_by_field_name("name"))] = self._initial(spec, scope)

    _run_const_declaration = _run_var_declaration

    def _run_if_statement(self, node: Node, scope: Scope) -> None:
        condition = node.child_by_field_name("condition")
        if node.child_by_field_name("initializer") is not None:
            raise GoError(node, "a statement before the condition")
        if condition is not None and self.value(condition, scope):
            self._run(node.child_by_field_name("consequence"), scope)
        else:
            self._run(node.child_by_field_name("alternative"), scope)

    def _run_for_statement(self, node: Node, scope: Scope) -> None:
        body = node.child_by_field_name("body")
        for _ in self._rounds(node, scope):
            try:
                self._run(body, scope)
            except _Continue:
                continue

    def _rounds(self, node: Node, scope: Scope) -> Iterator[None]:
        """Sets the loop's names for each round. A loop without a clause has no end of its own."""
        clause = next((part for part in _parts(node) if part.type == "range_clause"), None)
        if clause is None:
            while True:
                yield
        names, over = clause.child_by_field_name("left"), clause.child_by_field_name("right")
        values = self.value(over, scope) if over else ()
        pairs = values.items() if isinstance(values, dict) else enumerate(values)
        for pair in list(pairs):
            scope.update(zip((_text(name) for name in _parts(names)) if names else (), pair, strict=False))
            yield

    # Expressions

    def value(self, node: Node, scope: Scope) -> Any:
        worked_out = getattr(self, f"_value_{node.type}", None)
        if worked_out is None:
            raise GoError(node, f"{node.type} is not understood")
        return worked_out(node, scope)

    def _value_identifier(self, node: Node, scope: Scope) -> Any:
        name = _text(node)
        if name in scope:
            return scope[name]
        if name in self.values and name not in self.known:
            self.known[name] = self._initial(self.values[name], {})
        if name not in self.known:
            raise GoError(node, "an unknown name")
        return self.known[name]

    def _value_constant(self, node: Node, scope: Scope) -> Any:
        return CONSTANTS[node.type]

    _value_nil = _value_true = _value_false = _value_constant

    def _value_raw_string_literal(self, node: Node, scope: Scope) -> str:
        return _text(node)[1:-1].replace("\r", "")

    def _value_interpreted_string_literal(self, node: Node, scope: Scope) -> Any:
        return ast.literal_eval(_text(node))

    _value_int_literal = _value_float_literal = _value_interpreted_string_literal

    def _value_literal_element(self, node: Node, scope: Scope) -> Any:
        return self.value(_parts(node)[0], scope)

    _value_parenthesized_expression = _value_expression_list = _value_literal_element

    def _value_composite_literal(self, node: Node, scope: Scope) -> Any:
        kind, body = node.child_by_field_name("type"), node.child_by_field_name("body")
        if kind is None or body is None:
            raise GoError(node, "not a literal")
        if kind.type in {"qualified_type", "type_identifier"}:
            return self._struct(body, scope)
        return self._value_literal_value(body, scope, mapping=kind.type == "map_type")

    def _value_literal_value(self, node: Node, scope: Scope, *, mapping: bool = False) -> Any:
        elements = _parts(node)
        if mapping:
            pairs = [_parts(element) for element in elements]
            return {self.value(key, scope): self.value(value, scope) for key, value in pairs}
        return [self.value(element, scope) for element in elements]

    def _struct(self, body: Node, scope: Scope) -> "Struct":
        pairs = [_parts(element) for element in _parts(body) if element.type == "keyed_element"]
        return Struct(self, {_text(key): value for key, value in pairs}, scope)

    def _value_binary_expression(self, node: Node, scope: Scope) -> Any:
        sign = _text(node.child_by_field_name("operator"))
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if sign not in BINARY or left is None or right is None:
            raise GoError(node, "an unknown operator")
        return BINARY[sign](self.value(left, scope), self.value(right, scope))

    def _value_unary_expression(self, node: Node, scope: Scope) -> Any:
        operand, sign = node.child_by_field_name("operand"), _text(node.child_by_field_name("operator"))
        if operand is None or sign not in {"!", "&"}:
            raise GoError(node, "an unknown operator")
        value = self.value(operand, scope)
        return not value if sign == "!" else value

    def _value_func_literal(self, node: Node, scope: Scope) -> Native:
        return lambda *arguments: self._call(node, scope, *arguments)

    def _value_slice_expression(self, node: Node, scope: Scope) -> Any:
        operand = node.child_by_field_name("operand")
        if operand is None:
            raise GoError(node, "not a slice")
        bounds = [node.child_by_field_name(name) for name in ("start", "end")]
        start, end = (None if bound is None else self.value(bound, scope) for bound in bounds)
        return self.value(operand, scope)[start:end]

    def _value_index_expression(self, node: Node, scope: Scope) -> Any:
        operand, index = node.child_by_field_name("operand"), node.child_by_field_name("index")
        if operand is None or index is None:
            raise GoError(node, "not an index")
        return self.value(operand, scope)[self.value(index, scope)]

    def _value_selector_expression(self, node: Node, scope: Scope) -> Any:
        operand, name = node.child_by_field_name("operand"), _text(node.child_by_field_name("field"))
        if operand is None:
            raise GoError(node, "not a selector")
        found = self.value(operand, scope)
        if not isinstance(found, Struct):
            raise GoError(node, "not a field of a struct")
        return found[name]

    def _value_type_conversion_expression(self, node: Node, scope: Scope) -> Any:
        operand = node.child_by_field_name("operand")
        if operand is None:
            raise GoError(node, "not a conversion")
        return self.value(operand, scope)

    def _value_call_expression(self, node: Node, scope: Scope) -> Any:
        function, listed = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        if function is None or listed is None:
            raise GoError(node, "not a call")
        name = _text(function)
        if name == "make":
            return []
        arguments = list(self._arguments(listed, scope))
        if name in self.functions or name in self.natives:
            return self.call(name, *arguments)
        if name in scope:
            return scope[name](*arguments)
        if function.type == "selector_expression" and (method := self._method(function, scope)):
            return method(*arguments)
        raise GoError(node, "a call of something unknown")

    def _arguments(self, listed: Node, scope: Scope) -> Iterator[Any]:
        for argument in _parts(listed):
            if argument.type == "variadic_argument":
                yield from self.value(_parts(argument)[0], scope) or ()
            else:
                yield self.value(argument, scope)

    def _method(self, function: Node, scope: Scope) -> Native | None:
        operand = function.child_by_field_name("operand")
        if operand is None or (operand.type == "identifier" and _text(operand) not in scope):
            return None
        name = _text(function.child_by_field_name("field"))
        return getattr(self.value(operand, scope), name, None)

    def _initial(self, spec: Node, scope: Scope) -> Any:
        given = spec.child_by_field_name("value")
        if given is not None:
            return self.value(given, scope)
        kind = _text(spec.child_by_field_name("type"))
        if kind in self.natives:
            return self.natives[kind]()
        return [] if kind.startswith("[]") else None


@frozen
class Struct:
    """A struct whose fields are worked out when they are read."""

    package: GoPackage
    nodes: Mapping[str, Node]
    scope: Scope

    def __getitem__(self, name: str) -> Any:
        return self.package.value(self.nodes[name], self.scope)


def _specs(declaration: Node) -> Iterator[Node]:
    """Of a `var` or `const` declaration, grouped or not."""
    if declaration.type in {"var_declaration", "const_declaration"}:
        for part in _parts(declaration):
            yield from _parts(part) if part.type == "var_spec_list" else (part,)
