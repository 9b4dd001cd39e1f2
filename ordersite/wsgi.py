"""The WSGI application, for waitress or any other server."""

import os
from typing import TYPE_CHECKING, Any

from django.core.wsgi import get_wsgi_application

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ordersite.settings")
django = get_wsgi_application()


def application(environ: "WSGIEnvironment", start_response: "StartResponse") -> "Iterable[bytes]":
    """What Django answers; of it a HEAD gets the headers alone (RFC 9110, 9.3.2).

    Django leaves the text to the server to drop, and waitress sends it: the next answer on a kept connection would
    begin in the middle of it.
    """
    answer: Any = django(environ, start_response)
    if environ["REQUEST_METHOD"] != "HEAD":
        return answer  # type: ignore[no-any-return]
    answer.close()
    return []
