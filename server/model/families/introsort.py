"""The order in which scikit-learn's sort puts values, equal ones too: it is not stable.

Source: sklearn/utils/_sorting.pyx (`introsort_2way`, `heapsort`).
"""

from __future__ import annotations

from collections.abc import Sequence

SMALL = 15
"""Values that an insertion sort orders, which is stable."""


def sorted_places(values: Sequence[float]) -> list[int]:
    """Return the places of the values in ascending order."""
    sort = _Sort(values)
    sort.part(0, len(values), 2 * (len(values).bit_length() - 1))
    return sort.places


class _Sort:
    def __init__(self, values: Sequence[float]) -> None:
        self.values, self.places = list(values), list(range(len(values)))

    def part(self, start: int, end: int, depth: int) -> None:
        """Sort the values from `start` to `end`."""
        while end - start > SMALL:
            if depth <= 0:
                self._heapsort(start, end)
                return
            depth -= 1
            middle = self._divide(start, end)
            self.part(start, middle, depth)
            start = middle + 1
        order = sorted(range(start, end), key=self.values.__getitem__)
        self.places[start:end] = [self.places[at] for at in order]
        self.values[start:end] = [self.values[at] for at in order]

    def _divide(self, start: int, end: int) -> int:
        """Put values up to the pivot before it, and the others behind it. Return the pivot's place."""
        values, last, middle = self.values, end - 1, start + (end - start) // 2
        if values[start] > values[last]:
            self._swap(start, last)
        if values[last] > values[middle]:
            self._swap(last, middle)
            if values[start] > values[last]:
                self._swap(start, last)
        pivot, left, right = values[last], start + 1, end - 2
        while True:
            while left <= right and values[left] < pivot:
                left += 1
            while left <= right and values[right] > pivot:
                right -= 1
            if left >= right:
                break
            self._swap(left, right)
            left += 1
            right -= 1
        self._swap(left, last)
        return left

    def _heapsort(self, start: int, end: int) -> None:
        size = end - start
        for root in range((size - 2) // 2, -1, -1):
            self._sift_down(start, root, size)
        for last in range(size - 1, 0, -1):
            self._swap(start, start + last)
            self._sift_down(start, 0, last)

    def _sift_down(self, start: int, root: int, size: int) -> None:
        values = self.values
        while True:
            largest = root
            for child in (2 * root + 1, 2 * root + 2):
                if child < size and values[start + largest] < values[start + child]:
                    largest = child
            if largest == root:
                return
            self._swap(start + root, start + largest)
            root = largest

    def _swap(self, one: int, other: int) -> None:
        values, places = self.values, self.places
        values[one], values[other] = values[other], values[one]
        places[one], places[other] = places[other], places[one]
