"""The small page at ``/`` for people: look up an identity, check a credential.

Server-rendered, without JavaScript, cookies or anything from elsewhere; see ``routes.py``.
"""

from ethr_did.service.pages.routes import routes

__all__ = ["routes"]
