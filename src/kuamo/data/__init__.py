"""Data in: files, data frames and lists → `Table`, whose columns are kinds of data with holes.

table, column           the table; one column's cells and which of them are there
table_inputs            what a table is made of, checked; rows by their numbers
modalities/             kinds of data: how each is recognised, read and shown
readers/                files, folders, data frames → columns of raw cells
datasets/               tables that come with kuamo
targets                 columns that are predicted, as numbers or classes
repeats                 rows that share a cell
identity, table_identity    hashes of values and of tables, by which what was kept is found again
speech_synthesis        words spoken by speech synthesisers
"""
