"""The report of what was made."""

from __future__ import annotations

from surface_sos_core.evaluate.report import write_report
from surface_sos_core.evaluate.summary import report_data
from surface_sos_core.provenance import code_version
from surface_sos_core.stages.run import Run


def report_stage(run: Run) -> None:
    """Written anew where it would show or say anything else."""
    run.stage("report")
    inputs = {"code": code_version(__name__)}
    as_it_was = run.keeps("report", inputs) and not run.worked and "report" in run.manifest.stages
    if not (as_it_was and run.folder.report.is_file()):
        run.save()
        write_report(run.folder.report, report_data(run.folder))
        run.note("report", inputs)
    run.save("report")
