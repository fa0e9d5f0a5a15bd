"""What a viewer is told where an edition cannot answer: no paths of the server, no advice to it."""

from data.editions.edition import EditionError, NoEdition


def trouble(error: EditionError, asked: int | None = None) -> str:
    """Why, in the viewer's words; "" while there is no edition yet, for which the page waits."""
    if isinstance(error, NoEdition):
        return "" if asked is None else f"没有版本 {asked}（可能已清理）"
    return told(str(error))


def told(text: str) -> str:
    """The first clause: after it come names of files, and what the centre's own people can do."""
    return text.partition("：")[0].partition("；")[0]
