"""`python -m churnml` is `churnml`."""

from churnml.cli import main

main()
