"""Two processes that measure in turns, as the speed of a machine changes from minute to minute."""

import time
from pathlib import Path

PATIENCE = 600


class Turn:
    """Lets two processes take turns: the one whose place is in the file goes on.

    :param file: path of the file that both share
    :param place: 0 or 1
    """

    def __init__(self, file, place):
        self.file, self.place = Path(file), place

    def __enter__(self):
        end = time.monotonic() + PATIENCE
        while self.file.read_text() != str(self.place):
            if time.monotonic() > end:
                raise TimeoutError("The other process does not go on.")
            time.sleep(0.002)

    def __exit__(self, *_error):
        self.file.write_text(str(1 - self.place))
