"""What attackers type."""

SQL = (
    "' OR '1'='1",
    "'; DROP TABLE cases; --",
    '"; DROP TABLE accounts; --',
    "-' UNION SELECT name, digest FROM accounts --",
    "1) OR (1=1",
    "x' || (SELECT content FROM read_text('/etc/passwd')) || '",
    "%' OR case_code LIKE '%",
    "$1; ATTACH '/tmp/x.db'; --",
)
PATHS = (
    "..",
    "../../app.py",
    "..%2f..%2fapp.py",
    "%2e%2e/%2e%2e/etc/passwd",
    "....//....//etc/passwd",
    "..%5c..%5capp.py",
    "%2fetc%2fpasswd",
    "%00",
    "a%00.js",
    "..%c0%afapp.py",
    "C:%5cwindows",
    "x" * 5000,
)
LINES = (  # that would end a header and begin another
    "/a%0d%0aSet-Cookie:%20planted=1",
    "/a%0aLocation:%20http://evil.example",
    "/%E5%98%8A%E5%98%8DSet-Cookie:planted=1",
)
EVIL = "evil.example"
