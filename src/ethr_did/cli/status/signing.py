"""The options by which lists are signed, and the signer that they name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ethr_did.cli.options import ask_password, choices, open_resolver, with_options
from ethr_did.cli.output import working

if TYPE_CHECKING:
    from collections.abc import Callable

    from ethr_did.core.did import EthrDID
    from ethr_did.credentials.list_signing import ListSigner
    from ethr_did.settings import Settings

__all__ = ["ListSigning", "list_signing_options"]

F = TypeVar("F", bound="Callable[..., Any]")

_DEFAULT_PROOF = "jwt"


class ListSigning:
    """The options of a command that may sign lists."""

    def __init__(self, key_name: str | None, password_file: Path | None, proof: str) -> None:
        """Options as they were given."""
        self._name = key_name
        self._password_file = password_file
        self._proof = proof

    def open(self, settings: Settings, did: EthrDID) -> ListSigner | None:
        """The signer; None if lists stay unsigned. No password is asked for yet.

        Raises:
            InvalidConfiguration, SignerError: the key cannot be used.
            InvalidKey: it is none of the issuer's for assertions.
            ChainError, DeactivatedError: the issuer's document is not to be had.
        """
        if self._name is None:
            if self._proof != _DEFAULT_PROOF:
                raise click.UsageError("--proof is how a list is signed: add --signing-key.")
            return None
        from ethr_did.credentials.list_signing import Envelope, ListSigner
        from ethr_did.credentials.signing_keys import open_signing_key

        key = open_signing_key(
            self._name, ask_password=ask_password, password_file=self._password_file
        )
        with open_resolver(settings) as resolver, working("Resolving …"):
            document = resolver.resolve(did.text).require_document()
        return ListSigner.of_document(document, key, envelope=Envelope(self._proof))


_OPTIONS = (
    click.option(
        "--signing-key",
        metavar="NAME",
        help="Key that signs the lists, one of the issuer's for assertions: jwkfile:PATH, or as "
        "--signer. Otherwise they are not signed.",
        shell_complete=choices("jwkfile:", "keystore:", "keyfile:", "remote:"),
    ),
    click.option(
        "--signing-password-file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="File whose first line is the password of its keystore; otherwise it is asked for.",
    ),
    click.option(
        "--proof",
        type=click.Choice(["jwt", "data-integrity"]),
        default=_DEFAULT_PROOF,
        show_default=True,
        help="How a signed w3c list is secured; data-integrity needs an Ed25519 or P-256 key.",
    ),
)


def list_signing_options(function: F) -> F:
    """Adds the options, and passes them to the command as ``signing``."""

    def command(
        signing_key: str | None, signing_password_file: Path | None, proof: str, **options: Any
    ) -> Any:
        return function(signing=ListSigning(signing_key, signing_password_file, proof), **options)

    return with_options(function, _OPTIONS, command)
