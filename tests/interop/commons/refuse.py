"""The one exception of the package."""


class Refuse(ValueError):
    """What was read breaks the formats: the fault of the side that sent it."""
