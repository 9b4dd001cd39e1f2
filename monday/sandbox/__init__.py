"""A local monday.com: the API's subset over HTTP, with its own store, limits, faults and a page that shows the board.

An independent implementation of the API as documented: it shares no code with the client, so that tests which drive
the client against it mean something.
"""
