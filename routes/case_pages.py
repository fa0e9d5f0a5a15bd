"""The address of a case that is not there, or not for this viewer: 404 for both alike."""

from collections.abc import Callable

from flask import Flask, Response, request

from data.case_file import case_file
from data.editions.edition import EditionError
from data.editions.store import EditionStore
from data.scope import ScopeError
from routes.gate import viewer_or_none

PATH = "/case/"


def register(server: Flask, store: EditionStore, refused: Callable[[str, str], str]) -> None:
    """`refused(title, reason)` makes the page that says so."""

    @server.before_request
    def refuse_unknown_case() -> Response | None:
        viewer = viewer_or_none()
        if viewer is None or not request.path.startswith(PATH):
            return None
        code = request.path.removeprefix(PATH)
        try:
            with store.reading() as edition:
                is_there = case_file(edition, code, viewer.grant) is not None
        except EditionError:
            return None
        except ScopeError:  # a grant of a region that the site has not: nothing is within it
            is_there = False
        if is_there:
            return None
        said = refused("没有这个事项", "没有这个事项，或不在您能看的范围内。请核对编码。")
        return Response(said, status=404, mimetype="text/html")
