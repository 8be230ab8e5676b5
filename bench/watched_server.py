"""`pipeloom serve`, whose event loop notes for how long it was held.

Whoever asks a server how late its loop is learns how busy the machine is as well. So this one
counts, between two turns of the loop that are due every few milliseconds, also the CPU time that
the whole process took: that is what held the loop, however few cores there are. A line in the file
that PIPELOOM_BENCH_LOOP names has both, in milliseconds, wherever the loop was away for long.
"""

import asyncio
import os
import time

from app import main as app_main
from app.__main__ import main

TURN_SECONDS = 0.002
LONG_SECONDS = 0.004


async def watch() -> None:
    """Note for how long the loop was away, until cancelled."""
    descriptor = os.open(os.environ["PIPELOOM_BENCH_LOOP"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        while True:
            began, cpu = time.perf_counter(), time.process_time()
            await asyncio.sleep(TURN_SECONDS)
            away = time.perf_counter() - began - TURN_SECONDS
            if away > LONG_SECONDS:
                held = min(away, time.process_time() - cpu)
                os.write(descriptor, f"{1e3 * away:.1f} {1e3 * held:.1f}\n".encode())
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    # It stands in for the sample of the metrics, which is taken twice a second.
    app_main.watch_loop = watch
    main()
