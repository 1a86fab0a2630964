"""`pulumi whoami`"""

from __future__ import annotations

import getpass

from sandbox.engine.cli.session import Session
from sandbox.engine.json_text import indented


def run(session: Session) -> None:
    """Prints the user that the backend knows this process as."""
    user, url = getpass.getuser(), session.backend.url
    if session.flags.on("json"):
        session.print(indented({"user": user, "url": url}))
    elif session.flags.on("verbose"):
        session.print(f"User: {user}\nOrganizations: \nBackend URL: {url}\nToken type: personal")
    else:
        session.print(user)
