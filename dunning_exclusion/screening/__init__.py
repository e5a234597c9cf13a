"""Decides who and what is left out of dunning, and why: one SQL statement for all items.

How it works
------------

1. A caller asks a `question.Question`: which companies, which day, and optionally whose items, or
   which items a run is about.
2. `dunning.screening` (the model) collects what the answer depends on: the rules of each company in
   the order in which they decide, each with its condition as SQL. Companies with the same day and
   the same rules are answered together, see `question.Branch`.
3. `statement.select` puts one SELECT together. It reads the open items once (`items`), gives every
   item and every customer the ranks of all the rules that exclude it, and joins both. The lowest
   rank decides the outcome; all of them are kept as reasons.
4. For a run, `candidates` chooses among the items that were read: those that reach a level of a
   scenario, a workflow or a filter on this day.
5. The caller reads the rows, inserts them into a run, or puts the reasons into words.

The functions here build SQL from what they are given. They keep nothing, call no model of this
addon, and know nothing of runs and messages: models import this package, never the other way round.

Only `domains`, which understands the conditions that people type, asks models of Odoo: those that
a condition is about, languages and record rules. `days` counts the days of workflows.
"""
