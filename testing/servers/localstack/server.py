"""LocalStack, which ends when its stdin does: with the process that started it, however that one ends. By itself it would
outlive it, and it ignores SIGTERM.
"""

import os
import runpy
import sys
import threading


def watch() -> None:
    sys.stdin.buffer.read()
    os._exit(0)  # what it holds is of no use to anybody


threading.Thread(target=watch, daemon=True).start()
runpy.run_module("localstack.runtime.main", run_name="__main__")
