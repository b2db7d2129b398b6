"""`python -m studies.tables`: writes RESULTS.md and its pages from the records of studies."""

import dataclasses
import pathlib

from air_tf import files
from studies import (
    assessment,
    claims_page,
    estimators_report,
    markdown,
    opinions_page,
    overview,
    page,
    records,
    refit_report,
    study,
)
from studies.map import figure as map_figure
from studies.map import page as map_page
from studies.map import report as map_report
from studies.theory import figures as theory_figures
from trainers import command_line


@dataclasses.dataclass(frozen=True)
class TablesConfig:
    """Write RESULTS.md, its pages and their figures from the records of all studies."""

    results: str = "results"
    """Folder of the records."""
    out: str = "."
    """Folder of RESULTS.md; the pages are in its folder results/, their figures in
    results/figures/."""


def tables(config):
    """Writes RESULTS.md, pages of studies, claims, map, estimators and refits, and figures."""
    out = pathlib.Path(config.out)
    pages = out / "results"
    (pages / "figures").mkdir(parents=True, exist_ok=True)
    studies = {}
    for name in study.names():
        plan = study.read(name)
        found = records.read(pathlib.Path(config.results, name), plan.cells)
        files.write_text(pages / f"{name}.md", page.write(name, plan, found, pages))
        studies[name] = plan, found.get(records.STUDY_VERSION, {})
    assessments = assessment.assess(studies)
    files.write_text(pages / "claims.md", claims_page.write(assessments, list(studies)))
    of_map = map_report.read(pathlib.Path(config.results, "map"))
    opinion = map_report.read_second_opinion(pathlib.Path(config.results, "map"))
    if of_map:
        map_figure.draw(pages / "figures" / "map.png", of_map)
        files.write_text(pages / "map.md", map_page.write(of_map, opinion))
    of_estimators = pathlib.Path(config.results, "estimators.json")
    if of_estimators.exists():
        record = files.read_json(of_estimators)
        estimators_report.draw(pages / "figures" / "estimators.png", record)
        files.write_text(pages / "estimators.md", estimators_report.page(record))
    of_theory = pathlib.Path(config.results, "theory.json")
    if of_theory.exists():
        theory_figures.draw(pages / "figures", files.read_json(of_theory))
    of_refits = pathlib.Path(config.results, "refit.json")
    if of_refits.exists():
        files.write_text(pages / "refit.md", refit_report.page(files.read_json(of_refits)))
    opinions = opinions_page.page()
    if opinions:
        files.write_text(pages / "second_opinions.md", opinions)
    sections = [
        overview.introduction(studies),
        overview.of_claims(assessments),
        map_page.section(of_map, opinion),
        overview.of_studies(studies),
    ]
    files.write_text(out / "RESULTS.md", markdown.document(*sections))


if __name__ == "__main__":
    command_line.run(tables, TablesConfig)
