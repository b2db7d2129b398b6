"""Documents and tables in Markdown."""


def document(*parts):
    """A text of parts with an empty line between them; blank parts are left out."""
    return "\n\n".join(part.strip() for part in parts if part.strip())


def table(header, rows):
    """A table of texts, with a line for each row."""
    lines = [f"| {' | '.join(line)} |" for line in (header, *rows)]
    lines.insert(1, "|---" * len(header) + "|")
    return "\n".join(lines)
