"""What every room may use. It knows no data and no model.

errors, validation      errors that name column and row; checks of arguments
arguments               calls with an argument that a function does not have
files, folders          atomic writes, places on disk; ownership: which folders kuamo may write over
disk_cache, memo        the cache as its owner sees it; results of searches, kept by content
messages, translation   sentences in English and Chinese (locale/); findings: sentences of a diagnosis with a level
result, export, html    named figures; how a result becomes text, JSON or a page; the template engine
arrays, types           rows and entries as arrays; types that many rooms name
contracts               what parts of a space need not have, by default; their stored form
threads, modules        threads of linear algebra; all that is asked of torch before torch is needed
text_table, profiling   grids for a terminal; CPU seconds and memory of a piece of work
extras, version         how to install what is optional
old_names               names of 0.1, which still work for one release
"""
