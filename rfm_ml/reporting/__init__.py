"""From a study to a published report: notebooks executed, pages, index, manifest.

`rfm_ml.reporting.run.run_study` is the door. It is not imported here, because notebooks use
`rfm_ml.reporting.tables` and must not wait for the machinery that executes notebooks.
"""
