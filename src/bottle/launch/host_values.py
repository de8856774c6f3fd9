"""What a bottle's manifest takes from the operator's environment and files: tokens, variables, keys."""

from collections.abc import Iterator, Mapping

from attrs import field, frozen

from bottle.errors import EnvironmentLacksError
from bottle.launch.identity_key import read_key
from bottle.launch.login import Lent
from bottle.manifest.catalog import LoadedBottle
from bottle.manifest.schema import EnvTemplate
from bottle.secret import Secret
from bottle_sidecar.policy.credentials import CredentialError, check_secret
from bottle_sidecar.policy.document import Auth, Route


@frozen(kw_only=True)
class HostValues:
    """Of `bottle`, from `environ`.

    What is not there raises EnvironmentLacksError with its place in the manifest where this is `strict`, and
    is noted as `lacking` elsewhere.
    """

    bottle: LoadedBottle
    environ: Mapping[str, str] = field(repr=False)
    strict: bool
    lacking: list[EnvironmentLacksError] = field(factory=list)

    def tokens(self, routes: tuple[Route, ...], lent: Lent | None) -> dict[str, Secret]:
        places = {
            spec.route.auth.token_ref: ("egress", "routes", index, "auth", "token_ref")
            for index, spec in enumerate(self.bottle.manifest.egress.routes)
            if spec.route.auth
        }
        provider_place = ("agent_provider", "auth_token")
        tokens = {lent.login.token_ref: lent.login.token} if lent else {}
        is_lacking = lent is None and self.bottle.manifest.agent_provider.forward_host_credentials
        for auth in (route.auth for route in routes if route.auth):
            if is_lacking and auth.token_ref not in places:
                tokens[auth.token_ref] = Secret("")
            elif auth.token_ref not in tokens:
                tokens[auth.token_ref] = self._token(auth, *places.get(auth.token_ref, provider_place))
        return tokens

    def _token(self, auth: Auth, *place: str | int) -> Secret:
        value = self.value(auth.token_ref, *place)
        try:
            if value:
                check_secret(auth, value)
        except CredentialError as error:
            self.lack(str(error), f"export {auth.token_ref}=...", *place)
        return Secret(value)

    def value(self, name: str, *place: str | int) -> str:
        value = self.environ.get(name)
        if value:
            return value
        state = "empty" if value == "" else "not set"
        self.lack(f"the variable {name} is {state} in your environment", f"export {name}=...", *place)
        return ""

    def lack(self, message: str, hint: str, *place: str | int) -> None:
        self._lacks(EnvironmentLacksError(message, hint=hint, location=self.location(*place)))

    def _lacks(self, error: EnvironmentLacksError) -> None:
        if self.strict:
            raise error
        self.lacking.append(error)

    def location(self, *place: str | int) -> str:
        return str(self.bottle.manifest.places.at(*place))

    def git_keys(self) -> Iterator[tuple[str, Secret]]:
        for name, repo in self.bottle.manifest.git_gate.repos.items():
            try:
                yield name, read_key(repo.identity)
            except EnvironmentLacksError as error:
                self._lacks(
                    EnvironmentLacksError(
                        error.message,
                        hint=error.hint,
                        location=self.location("git-gate", "repos", name, "identity"),
                    )
                )

    def env(self) -> Iterator[tuple[str, Secret]]:
        for name, declared in self.bottle.manifest.env.items():
            if isinstance(declared, EnvTemplate):
                found = {host: self.value(host, "env", name) for host in declared.variables}
                yield name, Secret(declared.render(found))

    def sources(self) -> Iterator[tuple[str, Secret]]:
        for name, declared in self.bottle.manifest.env.items():
            for host in declared.variables if isinstance(declared, EnvTemplate) else ():
                yield host, Secret(self.value(host, "env", name))
