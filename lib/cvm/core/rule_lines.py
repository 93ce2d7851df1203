"""Which line of a TOML text says what; the standard reader does not tell.

Only texts that ``tomllib`` has accepted are read here, so the scanner may trust the syntax.
"""

from __future__ import annotations

from cvm.core.rule_checks import Place


def find_lines(text: str) -> dict[Place, int]:
    r"""Return the 1-based line of every table, key and array item.

    Args:
        text: Valid TOML.

    Returns:
        Path → line; items of arrays (of tables, too) are numbered from 0.

    Example:
        >>> find_lines("[[rules]]\nearn.share = [1,\n 2]")[("rules", 0, "earn", "share", 1)]
        3
    """
    return _Scanner(text).run()


def line_of(lines: dict[Place, int], place: Place) -> int | None:
    """Return the line of a place, or of the nearest thing around it that has one."""
    for length in range(len(place), 0, -1):
        if place[:length] in lines:
            return lines[place[:length]]
    return None


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[Place, int] = {}
        self.counts: dict[Place, int] = {}

    def run(self) -> dict[Place, int]:
        table: Place = ()
        while self._skip_blank():
            if self.text.startswith("[[", self.at):
                table = self._table_header(2)
            elif self.text[self.at] == "[":
                table = self._table_header(1)
            else:
                self._pair(table)
        return self.lines

    @property
    def line(self) -> int:
        return self.text.count("\n", 0, self.at) + 1

    def _note(self, place: Place) -> None:
        for length in range(1, len(place) + 1):
            self.lines.setdefault(place[:length], self.line)

    def _skip_blank(self, more: str = "") -> bool:
        """Move to the next character that means something; false at the end."""
        while self.at < len(self.text):
            if self.text[self.at] == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            elif self.text[self.at].isspace() or self.text[self.at] in more:
                self.at += 1
            else:
                return True
        return False

    def _table_header(self, brackets: int) -> Place:
        self.at += brackets
        keys = self._keys("]")
        self.at += brackets
        # Inside an array of tables, a header means its latest item.
        place: Place = ()
        for key in keys[:-1]:
            place = self._latest((*place, key))
        place = (*place, keys[-1])
        if brackets == 2:
            self.counts[place] = self.counts.get(place, -1) + 1
            place = self._latest(place)
        self._note(place)
        return place

    def _latest(self, place: Place) -> Place:
        return (*place, self.counts[place]) if place in self.counts else place

    def _keys(self, end: str) -> list[str]:
        keys: list[str] = []
        while True:
            self._skip_blank(".")
            char = self.text[self.at]
            if char == end:
                return keys
            if char in "\"'":
                start = self.at + 1
                self._string()
                keys.append(self.text[start : self.at - 1])
            else:
                start = self.at
                while self.text[self.at] not in f". \t{end}":
                    self.at += 1
                keys.append(self.text[start : self.at])

    def _pair(self, table: Place) -> None:
        start = self.at
        keys = self._keys("=")
        place = (*table, *keys)
        after, self.at = self.at + 1, start
        self._note(place)
        self.at = after
        self._value(place)

    def _value(self, place: Place) -> None:
        self._skip_blank()
        char = self.text[self.at]
        if char == "[":
            self._array(place)
        elif char == "{":
            self._inline_table(place)
        elif char in "\"'":
            self._string()
        else:
            while self.at < len(self.text) and self.text[self.at] not in ",]}#\n":
                self.at += 1

    def _array(self, place: Place) -> None:
        self.at += 1
        item = 0
        while self._skip_blank(",") and self.text[self.at] != "]":
            self._note((*place, item))
            self._value((*place, item))
            item += 1
        self.at += 1

    def _inline_table(self, place: Place) -> None:
        self.at += 1
        while self._skip_blank(",") and self.text[self.at] != "}":
            self._pair(place)
        self.at += 1

    def _string(self) -> None:
        quote = self.text[self.at]
        triple = self.text.startswith(quote * 3, self.at)
        end = quote * 3 if triple else quote
        self.at += len(end)
        while not self.text.startswith(end, self.at):
            self.at += 2 if quote == '"' and self.text[self.at] == "\\" else 1
        self.at += len(end)
