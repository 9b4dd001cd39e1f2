"""Property tests draw the same examples everywhere, so that a run says the same on every machine.

`HYPOTHESIS_SEARCH=1` draws anew each time, to look for what nobody thought of.
"""

import os

from hypothesis import settings

settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("searching", deadline=None, max_examples=1000)
settings.load_profile("searching" if os.environ.get("HYPOTHESIS_SEARCH") else "steady")
