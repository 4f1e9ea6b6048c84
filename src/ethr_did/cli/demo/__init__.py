"""``demo``: the whole story of identities and their credentials, on a real EVM in this process."""

from __future__ import annotations

from contextlib import ExitStack

import click

from ethr_did.cli.options import examples, json_option

__all__ = ["demo"]


@click.command(epilog=examples("ethr-did demo", "ethr-did demo --json"))
@json_option
def demo(as_json: bool) -> None:
    """Tell the whole story on a chain inside this process.

    Nothing is sent anywhere, and nothing is left behind.
    """
    from ethr_did.cli.demo.identities import Identities
    from ethr_did.cli.demo.stage import Stage
    from ethr_did.cli.demo.statuses import Statuses
    from ethr_did.cli.demo.triangle import Triangle

    with ExitStack() as stack:
        stage = Stage(stack, as_json=as_json)
        stage.deploy()
        identities = Identities(stage)
        identities.create()
        identities.publish()
        identities.look_back()
        identities.relay()
        statuses = Statuses(stage, identities.school, stack)
        statuses.hand_out()
        statuses.change()
        statuses.verify()
        statuses.delegate()
        statuses.anchor()
        identities.rotate()
        statuses.find_survivors()
        identities.deactivate()
        statuses.look_back()
        identities.show_history()
        triangle = Triangle(stage, stack)
        triangle.prepare()
        triangle.issue()
        triangle.show()
        triangle.verify()
        triangle.revoke()
        stage.end()
