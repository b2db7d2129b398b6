"""Tables in Markdown."""


def table(header, rows):
    """A table of texts, with a line for each row."""
    lines = [f"| {' | '.join(line)} |" for line in (header, *rows)]
    lines.insert(1, "|---" * len(header) + "|")
    return "\n".join(lines)
