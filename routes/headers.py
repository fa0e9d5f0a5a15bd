"""Security headers on every answer: nothing is loaded, framed or sent anywhere but here."""

from collections.abc import Callable

from flask import Flask, Response

# MapLibre's worker is a blob; plotly, dcc and MapLibre set styles in the document.
POLICY = (
    "default-src 'none'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src blob:;"
    " frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'"
)
NOTHING = "default-src 'none'; frame-ancestors 'none'"  # for what is no page
FIXED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def register(server: Flask, script_hashes: Callable[[], list[str]]) -> None:
    """`script_hashes` are the inline scripts that may run; asked at every page, because Dash adds
    some with its first one."""

    @server.after_request
    def add_headers(response: Response) -> Response:
        for name, value in FIXED.items():
            response.headers.setdefault(name, value)
        is_page = response.mimetype == "text/html"
        policy = POLICY.format(hashes=" ".join(script_hashes())) if is_page else NOTHING
        response.headers["Content-Security-Policy"] = policy
        response.headers.setdefault("Cache-Control", "no-store")
        return response
