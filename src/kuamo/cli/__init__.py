"""The command line.

main, options, terminal  the commands; their common options; opening files and printing
predict, diagnose, translate, export_codes    one file for each longer command
prediction_files, media_files    what they write
language                 `--lang`: help and mistakes in options in Chinese
demo                     `kuamo demo`
"""
