"""Why direct evaluation does not answer."""


class Unsuited(Exception):  # noqa: N818 - no fault: scikit-learn answers instead
    """These rows are scikit-learn's own to answer, or to refuse."""
