"""The command line.

app                      the app, its exit codes, and errors in one line
pretrained               the command for a space without a table
fit, evaluate, search, translate, predict, diagnose, info, demo    the commands; evaluate also compares, search also
                         encodes and indexes, info also shows the cache
inputs, options          options that commands share, and what they stand for: how tables and spaces are opened
terminal, language, option_words    printing and progress; Chinese help; errors in the words of options
export_codes, prediction_files, media_files    what they write
"""

from kuamo.cli.app import main

__all__ = ["main"]
