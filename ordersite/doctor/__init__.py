"""The doctor: looks at everything that this installation stands on and says what is wrong, with the remedy.

One file per topic; `examination` puts them in order. Nothing here writes
but the count of the calls that --online makes, and nothing that is broken ends it: what
could not be looked at is said to be unchecked, never to be well.
"""
