"""The serving benchmark: `make bench-serving`, or `python -m tests.bench.serving --help`.

`cases` and `servers` say what is measured; `rounds`, `startup` and `binary` measure, by `process` and `wrk`;
`figures`, `goals`, `samples`, `report` and `chart` turn what was measured into the document, and touch nothing else.
"""
