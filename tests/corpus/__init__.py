"""Files that every known version of scikit-learn wrote, and the answers that it gave itself.

`versions` lists them with their environments. `make` runs in such an environment: it fits the models of `estimators`
and `compositions` on the data of `inputs` and writes files and answers, which `store` keeps in the cache. `compare`
reads the files as data, in a process with NumPy only, and compares the answers. `verdict` says what a comparison means,
and `table` writes docs/data-loading.md.
"""
