"""The report of what was made."""

from __future__ import annotations

from surface_sos_core.evaluate.report import write_report
from surface_sos_core.evaluate.summary import report_data
from surface_sos_core.stages.run import Run


def report_stage(run: Run) -> None:
    run.stage("report")
    if run.worked or "report" not in run.manifest.stages or not run.folder.report.is_file():
        run.save()
        write_report(run.folder.report, report_data(run.folder))
    run.save("report")
