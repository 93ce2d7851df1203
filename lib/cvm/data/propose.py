"""A mapping proposed from a file's headers, for the analyst to correct."""

from __future__ import annotations

from pathlib import Path

from cvm.core.checks import DataError
from cvm.data.contract import Column, Table
from cvm.data.fields import attribute_name
from cvm.data.headers import Match, guess_table, match_headers, normalise, split_unit, table_named
from cvm.data.peek import EXCEL, FILES, TEXT, Peek, format_of, peek
from cvm.data.raw import ReadOptions
from cvm.data.read_excel import sheet_names
from cvm.data.tables import CONTRACT

_CERTAIN, _LIKELY = 0.99, 0.9
_MOST_EXAMPLES = 3
# Scores and ratings that a vendor computed from the outcome: a model that sees them learns nothing.
_LEAKS = ("churnscore", "churnprobability", "satisfactionscore", "cltv", "流失概率", "流失评分")

_HEAD = """\
# Mapping proposed from the headers of {name}. Correct it, save it as a .toml file, then run:
#   cvm check-data mapping.toml
#
# Left: the column of the contract (data/DICTIONARY.md). Right: where it comes from:
#   "header"                                        a column of the extract
#   "`header` * 10000"                              an expression: + - * / ( ), comparisons, a if b else c
#   {{ constant = "gotone" }}                         one value for all rows
#   {{ column = "header", values = {{ "在网" = false, "离网" = true }} }}
#   "row"                                           the row's number, for an extract without identifier

title = {title}
folder = {folder}
"""  # noqa: E501


def propose_mapping(path: str | Path) -> str:
    """Return a mapping file for an extract, guessed from its headers.

    Headers are compared with the contract's names, Chinese and English, with known synonyms and,
    marked as a guess, by likeness. Nothing is mapped by position or content.

    Args:
        path: A file (CSV, Excel, Parquet), or a folder of them.

    Returns:
        TOML with a comment for each guess, the headers not used, and the required columns missing.

    Raises:
        DataError: The file does not exist or cannot be read.
    """
    path = Path(path)
    folder = (path if path.is_dir() else path.parent).resolve()
    sections = [
        _section(file, sheet, looked)
        for file in _files(path)
        for sheet, looked in _sheets(file).items()
    ]
    head = _HEAD.format(name=path.name, title=_text(path.stem), folder=_text(folder.as_posix()))
    return head + "\n" + "\n".join(_without_repeats(sections))


def _files(path: Path) -> list[Path]:
    if not path.is_dir() or any(path.glob("*.parquet")):
        return [path]
    files = sorted(each for each in path.iterdir() if each.suffix.lower() in FILES)
    if not files:
        raise DataError(
            str(path),
            "a folder without extracts",
            f"a folder of files ({', '.join(sorted(FILES))})",
            available=sorted(each.name for each in path.iterdir())[:10],
        )
    return files


def _sheets(file: Path) -> dict[str, Peek]:
    """Return the sheets of a workbook that have headers; one nameless sheet for other files."""
    if file.is_dir() or not file.exists() or format_of(file) != EXCEL:
        return {"": peek(file)}
    names = sheet_names(file)
    if len(names) == 1:
        return {"": peek(file)}
    looks = {}
    for name in names:
        try:
            looks[name] = peek(file, ReadOptions(sheet=name))
        except DataError:  # an empty sheet has nothing to map
            continue
    return looks


def _section(file: Path, sheet: str, looked: Peek) -> tuple[str, str]:
    """Return the table guessed, and the lines of its section."""
    named = table_named(sheet or (file.stem if file.is_file() else file.name))
    if named is not None:
        name, matches = named, match_headers(looked.headers, CONTRACT[named], fuzzy=True)
        why = "named after it"
    else:
        name, matches = guess_table(looked.headers, fuzzy=True)
        why = f"a guess from {len(matches)} of {len(looked.headers)} headers"
    table = CONTRACT[name]
    lines = [
        "",
        f"[{name}]  # {table.zh}: {table.meaning} ({why})",
        f"file = {_text(file.name if not file.is_dir() else '.')}",
    ]
    if sheet:
        lines.append(f"sheet = {_text(sheet)}")
    if looked.how["format"] == TEXT:
        lines.append(f"encoding = {_text(looked.how['encoding'])}  # detected")
        lines.append(f"delimiter = {_text(looked.how['delimiter'])}  # detected")
    rest = [header for header in looked.headers if header not in _used(matches)]
    leaks = [header for header in rest if normalise(header) in _LEAKS]
    free = [header for header in rest if header not in leaks]
    lines += ["keep = [  # carried along as attr_…; remove what is not needed"]
    lines += [f"    {_text(header)},  # {attribute_name(header)}" for header in free]
    lines += ["]"]
    if leaks:
        lines.append(f"# Left out, as scores computed from the outcome: {', '.join(leaks)}")
    lines += ["", f"[{name}.columns]"]
    lines += [_line(table[column], match, looked) for column, match in _in_order(table, matches)]
    lines += _missing(table, matches)
    lines += _optional(table, matches)
    return name, "\n".join(lines) + "\n"


def _in_order(table: Table, matches: dict[str, Match]) -> list[tuple[str, Match]]:
    return [(name, matches[name]) for name in table.column_names if name in matches]


def _used(matches: dict[str, Match]) -> set[str]:
    return {match.header for match in matches.values()}


def _line(column: Column, match: Match, looked: Peek) -> str:
    source = _text(match.header)
    unit = split_unit(match.header)[1]
    notes = [f"{column.zh}, {column.kind}"]
    if match.factor != 1:
        source = _text(f"`{match.header}` * {match.factor!r}")
        notes.append(f"{unit} → {column.unit or column.kind}")
    if match.confidence >= _CERTAIN:
        notes.append("sure")
    elif match.confidence >= _LIKELY:
        notes.append("known synonym")
    else:
        notes.append(f"GUESS by likeness, {match.confidence:.0%}: check it")
    examples = _examples(match.header, looked)
    if examples:
        notes.append(f"e.g. {examples}")
    return f"{column.name} = {source}  # {'; '.join(notes)}"


def _examples(header: str, looked: Peek) -> str:
    position = looked.headers.index(header)
    cells = dict.fromkeys(
        " ".join(row[position].split())[:20] for row in looked.rows if row[position].strip()
    )
    return ", ".join(list(cells)[:_MOST_EXAMPLES])


def _missing(table: Table, matches: dict[str, Match]) -> list[str]:
    lines = []
    for name in table.required:
        if name not in matches:
            column = table[name]
            hint = '"row"' if column.kind == "id" and name in table.key[:1] else '""'
            lines.append(
                f"# REQUIRED and not found: {name} = {hint}  # {column.zh}: {column.meaning}"
            )
    return lines


def _optional(table: Table, matches: dict[str, Match]) -> list[str]:
    absent = [
        f"{name} ({table[name].zh})"
        for name in table.column_names
        if name not in matches and name not in table.required
    ]
    return [f"# Optional and not found: {', '.join(absent)}"] if absent else []


def _without_repeats(sections: list[tuple[str, str]]) -> list[str]:
    """Comment out a second section for the same table, which TOML does not allow."""
    seen: set[str] = set()
    texts = []
    for name, text in sections:
        if name in seen:
            commented = "".join(f"# {line}\n" if line else "#\n" for line in text.splitlines())
            text = f"\n# A second file looks like {name}; choose one:\n{commented}"
        seen.add(name)
        texts.append(text)
    return texts


def _text(value: str) -> str:
    """Return a TOML string."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
    return (
        '"'
        + "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in escaped)
        + '"'
    )
