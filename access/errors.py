"""What may go wrong with the operations store, as it is told."""


class OperationsError(Exception):
    """The store cannot be used as asked; its text is Chinese, for the user."""
