"""The attack list: what somebody tries who has the source, and how each is refused.

Routes, pages, callbacks, indicators and dimensions are walked from their registries, so that a new
one is attacked as well. Tried elsewhere: hostile deliveries (zip bombs, names that lead out, links)
in tests/etl/test_members.py, hostile layers in tests/geo, tampered and truncated audits in
tests/access/test_audit.py, forged single sign-on in tests/routes/test_single_sign_on.py, a planted
session in tests/routes/test_sign_in.py, markup in every text up to the rendered page in
tests/browser/test_policy.py, malformed callback bodies in tests/routes/test_bodies.py,
formulas in tables that leave the house in tests/data/test_safe_files.py, half-sent requests in
tests/routes/test_connections.py.
"""
