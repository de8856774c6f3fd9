"""Why rules fall short of the goal, or are not served; the report and its test take them from here."""

from collections.abc import Mapping

NEEDS_A_FILE_NAME = frozenset({"hashicorp-tf-password", "pkcs12-file"})
TOO_GENERAL = frozenset({"generic-password"})
LEFT_OUT: Mapping[str, frozenset[str]] = {
    "It asks for a file's name, which a request does not tell.": NEEDS_A_FILE_NAME,
    "Without the tokenizer that its authors judge matches with, it would match everyday code.": TOO_GENERAL,
}
NO_SECRET = (
    "It names an account or an address; its authors report it only beside the secret that belongs to it."
)
PERCENT_OF_ITS_OWN = "A `%40` that is part of it is undone with the escapes around it."
OTHER_FILE = "Its authors look into files of one name alone; the text is the same."

SHORT: Mapping[str, str] = {
    "curl-auth-user": "A backslash that ends a line is undone with the escapes of JSON.",
    "freemius-secret-key": "The `&` in it looks like a form's.",
    "generic-credential-uri": PERCENT_OF_ITS_OWN,
    "mongodb-connection-string": PERCENT_OF_ITS_OWN,
}
"""By rule, why it misses some of its own positives in other forms. In plain form none does."""

FALSE: Mapping[str, str] = {
    "apollo-api-key.1": "Its authors take back words of a language, which takes their tokenizer.",
    "box-api-access-token": "Its authors take back what stands beside `client`, cut out of the line.",
    "freemius-secret-key": OTHER_FILE,
    "kubernetes-secret-yaml": "Read as quoted-printable, a value that ends in `=` runs on.",
    "nuget-config-password": OTHER_FILE,
}
"""By rule, why it finds some of its own false positives."""


def left_out(rules: frozenset[str]) -> Mapping[str, list[str]]:
    """By reason, the rules that are not served."""
    told = {reason: sorted(rules & named) for reason, named in LEFT_OUT.items()}
    rest = rules.difference(*LEFT_OUT.values())
    return {NO_SECRET: sorted(rest), **told}
