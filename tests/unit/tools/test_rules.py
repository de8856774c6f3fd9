"""The configuration is read out of a program, and what needs a file's name is left out."""

from tools.rules import configuration, converted

CONFIGURATION = """title = "betterleaks config"
filter = '''
len(finding["secret"]) < 3
'''

[[rules]]
id = "a-file"
regex = '''secret'''
keywords = ["secret"]
path = '''\\.tf$'''

[[rules]]
id = "a-name"
regex = '''name'''
keywords = ["name"]
skipReport = true

[[rules]]
id = "b-key"
regex = '''b_[a-z]{4}'''
keywords = ["b_"]
filter = '''
entropy(finding["secret"]) < 2
'''
"""


def test_the_configuration_is_read_out_of_a_program() -> None:
    program = b"\x7fELF\0\0" + CONFIGURATION.encode() + b"\0\1 other text"

    assert [rule["id"] for rule in configuration(program)["rules"]] == ["a-file", "a-name", "b-key"]


def test_rules_for_contents_are_kept() -> None:
    document = converted(configuration(CONFIGURATION.encode()), "package-1.0")

    assert document == {
        "source": "package-1.0",
        "discard": [[{"length": "<", "than": 3}]],
        "left_out": ["a-file", "a-name"],
        "rules": [
            {
                "id": "b-key",
                "regex": "b_[a-z]{4}",
                "keywords": ["b_"],
                "discard": [[{"entropy": 2.0, "or_equal": False}]],
            }
        ],
    }


def test_a_rule_that_is_as_telling_in_any_file_is_kept() -> None:
    named = CONFIGURATION.replace("a-file", "kubernetes-secret-yaml")

    kept = converted(configuration(named.encode()), "package-1.0")

    assert [rule["id"] for rule in kept["rules"]] == ["b-key", "kubernetes-secret-yaml"]
