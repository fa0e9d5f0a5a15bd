"""`python -m bench [NAME...]`: measures what was promised."""

import sys

from bench.collect import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
