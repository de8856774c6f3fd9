"""The reading of Go, on sources of the shapes that the rules are written in."""

import pytest

from corpus.golang import GoError, GoPackage

SOURCE = rb"""
package rules

const prefix = `a\b`
var suffixes = []string{"x\t", // a comment
	"y"}

func Joined(first string, size int) []string {
	parts := append([]string{first + prefix}, suffixes...)
	for key, values := range map[string][]string{"k": {"v", "w"}} {
		for _, value := range values {
			if value == "w" {
				continue
			}
			parts = append(parts, fmt.Sprintf("%s=%s", key, value)[:size])
		}
	}
	return parts
}

func Rule() *config.Rule {
	close := func(text string) string { return text + "]" }
	r := config.Rule{ID: close("[id"), Unknown: <-channel}
	return &r
}

func Strange() { go Joined("", 1) }
"""


def append(listed: list[str], *more: str) -> list[str]:
    return [*listed, *more]


@pytest.fixture(scope="module")
def package() -> GoPackage:
    return GoPackage.parsed([SOURCE], {"append": append, "fmt.Sprintf": lambda form, *values: form % values})


def test_statements_and_expressions(package: GoPackage) -> None:
    assert package.call("Joined", "first ", 2) == ["first a\\b", "x\t", "y", "k="]


def test_fields_of_a_struct_are_worked_out_when_read(package: GoPackage) -> None:
    rule = package.call("Rule")
    assert rule["ID"] == "[id]"
    with pytest.raises(GoError, match="unknown"):
        rule["Unknown"]


def test_what_is_not_understood_is_not_passed_over(package: GoPackage) -> None:
    with pytest.raises(GoError, match="go_statement"):
        package.call("Strange")
